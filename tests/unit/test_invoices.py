"""Bills of providers: each export is recognised and adds up to what was paid, what is not compared is said, mistakes stand where they are."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.errors import InputError
from sim.planning.invoices import Invoice, read_invoice
from sim.planning.invoices.meanings import known_names, same_name
from sim.planning.invoices.paid import Meaning


def bill(tmp_path: Path, content: Any, name: str = "bill") -> Invoice:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
    return read_invoice(path)


def lines(invoice: Invoice) -> list[tuple[str, str, float]]:
    return [(paid.month, paid.line, round(paid.usd, 9)) for paid in invoice.paid]


def noted(invoice: Invoice, text: str) -> bool:
    return any(text in note for note in invoice.notes)


# AWS.

CUR = [
    ("2026-11-02T00:00:00Z", "100.0000041667", "AmazonEC2", "Usage"),
    ("2026-11-03T00:00:00Z", "70", "AmazonEC2", "SavingsPlanCoveredUsage"),
    ("2026-11-03T00:00:00Z", "-70", "AmazonEC2", "SavingsPlanNegation"),
    ("2026-11-01T00:00:00Z", "45.5", "ComputeSavingsPlans", "SavingsPlanRecurringFee"),
    ("2026-11-30T23:00:00Z", "-5", "AmazonEC2", "EdpDiscount"),
    ("2026-12-01T00:00:00Z", "9", "AmazonBedrock", "Usage"),
    ("2026-12-01T00:00:00Z", "-2", "AmazonBedrock", "Refund"),
    ("2026-12-01T00:00:00Z", "1.5", "AmazonBedrock", "Tax"),
    ("2026-12-01T00:00:00Z", "-20", "AmazonEC2", "Credit"),
]
CUR_PAID = [("2026-11", "AmazonEC2", 95.000004167), ("2026-11", "ComputeSavingsPlans", 45.5), ("2026-12", "AmazonBedrock", 7.0)]


def cur(*names: str) -> str:
    rows = "".join(f"{','.join(row)},USD,x\n" for row in CUR)
    return f"{','.join(names)}\n{rows}"


LEGACY = (
    "lineItem/UsageStartDate",
    "lineItem/UnblendedCost",
    "lineItem/ProductCode",
    "lineItem/LineItemType",
    "lineItem/CurrencyCode",
    "identity/LineItemId",
)
SECOND = ("line_item_usage_start_date", "line_item_unblended_cost", "line_item_product_code", "line_item_line_item_type", "line_item_currency_code", "identity_line_item_id")  # fmt: skip


@pytest.mark.parametrize("names", [LEGACY, SECOND])
def test_aws_reports_add_up_to_what_is_invoiced(tmp_path: Path, names: tuple[str, ...]) -> None:
    invoice = bill(tmp_path, cur(*names))
    assert invoice.format == "aws-cur"
    assert lines(invoice) == CUR_PAID
    assert noted(invoice, "not counted: line items of the type Tax, 1.50 USD")
    assert noted(invoice, "not counted: line items of the type Credit, -20.00 USD")
    assert noted(invoice, "SavingsPlanNegation")
    assert lines(bill(tmp_path, gzip.compress(cur(*names).encode()), "bill.csv.gz")) == CUR_PAID


def test_aws_data_exports_in_parquet(tmp_path: Path) -> None:
    columns: dict[str, Any] = {name: [row[at] for row in CUR] for at, name in enumerate(SECOND[:4])}
    columns[SECOND[0]] = pa.array([text.removesuffix("Z") for text in columns[SECOND[0]]]).cast(pa.timestamp("ms"))
    columns[SECOND[1]] = [float(text) for text in columns[SECOND[1]]]
    columns["product"] = [[("region", "x")]] * len(CUR)
    columns["line_item_currency_code"] = ["USD"] * len(CUR)
    table = pa.table(
        {name: pa.array(values, pa.map_(pa.string(), pa.string())) if name == "product" else values for name, values in columns.items()}
    )
    pq.write_table(table, tmp_path / "cur.parquet")
    invoice = read_invoice(tmp_path / "cur.parquet")
    assert (invoice.format, lines(invoice)) == ("aws-cur", CUR_PAID)


def test_aws_cost_explorer(tmp_path: Path) -> None:
    text = '"Service","EC2-Instances($)","Tax($)","Bedrock ($)","Total costs($)"\n"Service total","30","3","1.5","34.5"\n"2026-11-01","10","1","","11"\n"2026-12-01","20","2","1.5","23.5"\n'
    invoice = bill(tmp_path, text)
    assert invoice.format == "aws-cost-explorer"
    assert lines(invoice) == [("2026-11", "EC2-Instances", 10.0), ("2026-12", "Bedrock", 1.5), ("2026-12", "EC2-Instances", 20.0)]
    assert noted(invoice, "not counted: Tax, 3.00 USD")
    with pytest.raises(InputError, match=r"bill:1: EC2-Instances\(€\): found amounts in '€'; allowed: USD"):
        bill(tmp_path, text.replace("$", "€"))

    def group(name: str, usd: str, unit: str = "USD") -> dict[str, Any]:
        return {"Keys": [name], "Metrics": {"UnblendedCost": {"Amount": usd, "Unit": unit}}}

    periods = [{"TimePeriod": {"Start": "2026-11-01", "End": "2026-12-01"}, "Groups": [group("EC2", "3.25"), group("Tax", "1")]}]
    answer = bill(tmp_path, {"ResultsByTime": periods})
    assert lines(answer) == [("2026-11", "EC2", 3.25)]
    whole = bill(
        tmp_path, {"ResultsByTime": [{"TimePeriod": {"Start": "2026-11-01"}, "Total": {"BlendedCost": {"Amount": "7", "Unit": "USD"}}}]}
    )
    assert lines(whole) == [("2026-11", "total", 7.0)]
    with pytest.raises(InputError, match=r"ResultsByTime\[0\]\.Groups\[0\]\.Metrics\.UnblendedCost\.Unit: found 'EUR'; allowed: USD"):
        bill(tmp_path, {"ResultsByTime": [{**periods[0], "Groups": [group("EC2", "1", "EUR")]}]})
    with pytest.raises(InputError, match=r"TimePeriod\.Start: found no date"):
        bill(tmp_path, {"ResultsByTime": [{"Groups": [group("EC2", "1")]}]})


# Google Cloud and Azure.


def charge(cost: Any, service: str = "Vertex AI", **more: Any) -> dict[str, Any]:
    return {
        "usage_start_time": "2026-11-02 00:00:00 UTC",
        "service": {"id": "1", "description": service},
        "cost": cost,
        "currency": "USD",
        **more,
    }


def test_google_cloud_with_credits(tmp_path: Path) -> None:
    rows = [
        charge(100.0, credits=[{"type": "COMMITTED_USAGE_DISCOUNT", "amount": -30.5}, {"type": "PROMOTION", "amount": -5}]),
        charge(3, "Compute Engine", credits=[]),
        charge(7, "Compute Engine", cost_type="tax"),
    ]
    invoice = bill(tmp_path, rows)
    assert (invoice.format, lines(invoice)) == ("google-billing", [("2026-11", "Compute Engine", 3.0), ("2026-11", "Vertex AI", 69.5)])
    assert noted(invoice, "not counted: credits of the type PROMOTION, -5.00 USD")
    assert noted(invoice, "cost type tax, 7.00 USD")
    assert lines(bill(tmp_path, "\n".join(map(json.dumps, rows)))) == lines(invoice)
    table = 'service.description,usage_start_time,cost,currency,credits\nVertex AI,2026-11-02T00:00:00Z,100,USD,"[{""type"":""DISCOUNT"",""amount"":-30.5}]"\n'
    assert lines(bill(tmp_path, table)) == [("2026-11", "Vertex AI", 69.5)]
    with pytest.raises(InputError, match="bill:2: credits: found 'none'; allowed: a list of credits in JSON"):
        bill(tmp_path, table.replace('"[{""type"":""DISCOUNT"",""amount"":-30.5}]"', "none"))
    with pytest.raises(InputError, match="currency: found 'EUR'; allowed: USD"):
        bill(tmp_path, [charge(1, currency="EUR")])


def test_azure_of_every_agreement(tmp_path: Path) -> None:
    enterprise = "Date,MeterCategory,CostInBillingCurrency,BillingCurrencyCode,ChargeType,ProductName\n11/30/2026,Virtual Machines,10.5,USD,Usage,p\n11/02/2026,,2,USD,Purchase,Reserved VM\n"
    invoice = bill(tmp_path, enterprise)
    assert (invoice.format, lines(invoice)) == ("azure-costs", [("2026-11", "Reserved VM", 2.0), ("2026-11", "Virtual Machines", 10.5)])
    customer = "date,meterCategory,costInBillingCurrency,billingCurrency,costInUsd\n2026-11-30,Azure OpenAI,10,EUR,11.6\n"
    converted = bill(tmp_path, customer)
    assert lines(converted) == [("2026-11", "Azure OpenAI", 11.6)]
    assert noted(converted, "CostInUsd is compared")
    as_you_go = "UsageDate,MeterCategory,PreTaxCost,Currency\n2026-11-30,Storage,1,USD\n"
    assert lines(bill(tmp_path, as_you_go)) == [("2026-11", "Storage", 1.0)]
    amortised = bill(tmp_path, enterprise.replace("Purchase", "UnusedReservation"))
    assert noted(amortised, "amortised cost")
    for text, said in (
        (enterprise.replace("USD", "GBP"), "BillingCurrencyCode: found 'GBP'; allowed: USD"),
        (enterprise.replace("11/30/2026", "30/11/2026"), "Date: found '30/11/2026'; allowed: month/day/year"),
        (enterprise.replace("10.5", "10.5x"), "CostInBillingCurrency: found .10.5x.; allowed: an amount"),
    ):
        with pytest.raises(InputError, match=said):
            bill(tmp_path, text)


# FOCUS.


def test_focus_leaves_out_tax_and_credits(tmp_path: Path) -> None:
    header = "BilledCost,BillingCurrency,ChargePeriodStart,ServiceName,ChargeCategory"
    rows = "5,USD,2027-01-01T00:00:00Z,GPU,Usage\n7,USD,2027-01-01T00:00:00Z,GPU,Purchase\n1,USD,2027-01-01T00:00:00Z,GPU,Tax\n-9,USD,2027-01-01T00:00:00Z,GPU,Credit\n"
    invoice = bill(tmp_path, f"{header}\n{rows}")
    assert lines(invoice) == [("2027-01", "GPU", 12.0)]
    assert noted(invoice, "not counted: charges of the category Tax, 1.00 USD")
    table = pa.table(
        {
            "BilledCost": pa.array([5.25], pa.float64()).cast(pa.decimal128(10, 4)),
            "ChargePeriodStart": pa.array([0]).cast(pa.timestamp("us", "UTC")),
            "ServiceName": ["GPU"],
        }
    )
    pq.write_table(table, tmp_path / "focus.parquet")
    assert lines(read_invoice(tmp_path / "focus.parquet")) == [("1970-01", "GPU", 5.25)]


def test_a_runs_own_export_names_its_lines(tmp_path: Path) -> None:
    """Reserved GPUs are bought in a row of their own (billed, of no effect) and used in others (of effect, not billed)."""
    header = "BilledCost,EffectiveCost,BillingCurrency,ChargePeriodStart,ServiceName,ChargeCategory,x_Line,x_Deployment"
    start = "2027-01-01T00:00:00Z"
    rows = f"700,0,USD,{start},GPU rental,Purchase,gpu_commitment,own\n0,500.25,USD,{start},GPU rental,Usage,gpu_used,own\n0,199.75,USD,{start},GPU rental,Usage,gpu_idle,own\n"
    invoice = bill(tmp_path, f"{header}\n{rows}")
    assert [(paid.line, paid.deployment, paid.usd) for paid in invoice.paid] == [("gpu_idle", "own", 199.75), ("gpu_used", "own", 500.25)]
    assert noted(invoice, "EffectiveCost is compared, by x_Line")


# Vendors of models.


def openai(*results: dict[str, Any], start: Any = 1_793_491_200, **page: Any) -> dict[str, Any]:
    return {
        "object": "page",
        "data": [{"object": "bucket", "start_time": start, "end_time": 0, "results": list(results)}],
        "has_more": False,
        **page,
    }


def cost(value: Any, line: str | None = None, currency: str = "usd") -> dict[str, Any]:
    return {"object": "organization.costs.result", "amount": {"value": value, "currency": currency}, "line_item": line, "project_id": None}


def test_openai_costs(tmp_path: Path) -> None:
    invoice = bill(tmp_path, openai(cost(0.06, "gpt-4o-mini-2024-07-18, input"), cost("1e-2", "gpt-4o-mini-2024-07-18, output"), cost(3)))
    assert invoice.format == "openai-costs"
    assert lines(invoice) == [
        ("2026-11", "OpenAI API", 3.0), ("2026-11", "gpt-4o-mini-2024-07-18, input", 0.06), ("2026-11", "gpt-4o-mini-2024-07-18, output", 0.01),
    ]  # fmt: skip
    assert invoice.meanings["gpt-4o-mini-2024-07-18, input"] == Meaning("openai", "gpt-4o-mini-2024-07-18", "api_input")
    assert "OpenAI API" not in invoice.meanings
    assert noted(bill(tmp_path, openai(cost(1), has_more=True)), "the export is not complete")
    exported = 'start_time,end_time,start_time_iso,amount_value,amount_currency,line_item\n1790467200,1,2026-09-27T00:00:00+00:00,,,\n1793491200,1,2026-11-01T00:00:00,0.5,usd,"gpt-5-nano, cached input"\n1793491200,1,,0.25,usd,\n'
    dashboard = bill(tmp_path, exported)
    assert lines(dashboard) == [("2026-11", "OpenAI API", 0.25), ("2026-11", "gpt-5-nano, cached input", 0.5)]
    assert dashboard.meanings["gpt-5-nano, cached input"].item == "api_cached_input"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (openai(cost(1, currency="eur")), r"data\[0\].results\[0\].amount.currency: found 'eur'; allowed: usd"),
        (openai(cost(float("nan"))), r"data\[0\].results\[0\].amount.value: found 'NaN'; allowed: an amount"),
        (openai(cost(True)), "amount.value: found 'True'"),
        (openai(cost(10**30)), "amount.value: found '1000000"),
        (openai({"amount": None}), "amount.value: found 'None'"),
        (openai(cost(1), start="today"), "start_time: found 'today'; allowed: a time in Unix seconds"),
        (openai(cost(1), start=1_793_491_200_000), "start_time: found '1793491200000'"),
    ],
)
def test_openai_costs_that_are_wrong(tmp_path: Path, document: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        bill(tmp_path, document)


def test_anthropic_costs_are_cents(tmp_path: Path) -> None:
    def item(amount: Any, **more: Any) -> dict[str, Any]:
        return {"amount": amount, "currency": "USD", "description": None, "cost_type": "tokens", **more}

    model = {"model": "claude-haiku-4-5-20251001", "service_tier": "standard"}
    fresh, spoken = ({"token_type": kind} for kind in ("uncached_input_tokens", "output_tokens"))
    results = [
        item("123.45", description="Claude Haiku 4.5 Usage - Input Tokens", **fresh, **model),
        item(
            "50",
            description="Claude Haiku 4.5 Usage - Output Tokens, Batch",
            **spoken,
            **{**model, "service_tier": "batch"},
        ),
        item("10.00", cost_type="web_search"),
        item("1"),
    ]
    report: dict[str, Any] = {
        "data": [{"starting_at": "2026-11-02T00:00:00Z", "ending_at": "2026-11-03T00:00:00Z", "results": results}],
        "has_more": False,
    }
    invoice = bill(tmp_path, report)
    assert invoice.format == "anthropic-costs"
    assert lines(invoice) == [
        ("2026-11", "Claude Haiku 4.5 Usage - Input Tokens", 1.2345), ("2026-11", "Claude Haiku 4.5 Usage - Output Tokens, Batch", 0.5),
        ("2026-11", "tokens", 0.01), ("2026-11", "web_search", 0.1),
    ]  # fmt: skip
    assert dict(invoice.meanings) == {
        "Claude Haiku 4.5 Usage - Input Tokens": Meaning("anthropic", "claude-haiku-4-5-20251001", "api_input")
    }
    assert noted(invoice, "read as cents")
    text = "usage_date_utc,model,workspace,usage_type,token_type,cost_usd,list_price_usd\n2026-11-02,Claude Haiku 4.5,Default,message,input_cache_read,18.71,20\n2026-11-03,Claude Haiku 4.5,Default,batch,output,1,2\n"
    console = bill(tmp_path, text)
    assert lines(console) == [("2026-11", "Claude Haiku 4.5, input_cache_read", 18.71), ("2026-11", "Claude Haiku 4.5, output, batch", 1.0)]
    assert set(console.meanings) == {"Claude Haiku 4.5, input_cache_read"}
    for broken, said in (
        ({**report, "data": [{**report["data"][0], "starting_at": 5}]}, r"data\[0\].starting_at: found '5'"),
        ({**report, "data": [{**report["data"][0], "results": [item("12,34")]}]}, r"results\[0\].amount: found '12,34'; allowed: cents"),
        ({**report, "data": [{**report["data"][0], "results": [item("1", currency="EUR")]}]}, "currency: found 'EUR'"),
    ):
        with pytest.raises(InputError, match=said):
            bill(tmp_path, broken)


def test_litellm_spend(tmp_path: Path) -> None:
    day = {"date": "2026-11-02", "metrics": {"spend": 12.41}, "breakdown": {"models": {"gpt-4o-mini": {"metrics": {"spend": 1.02}}}}}
    invoice = bill(tmp_path, {"results": [day, {"date": "2026-12-01", "metrics": {"spend": 0}}]})
    assert invoice.format == "litellm-spend"
    assert lines(invoice) == [
        ("2026-11", "LiteLLM, not by model", 11.39),
        ("2026-11", "gpt-4o-mini", 1.02),
        ("2026-12", "LiteLLM, not by model", 0.0),
    ]
    assert noted(invoice, "not an invoice")
    logs = [
        {"startTime": "2026-11-02T09:00:00Z", "spend": spend, "model_group": model}
        for spend, model in ((0.25, "a"), (0.5, "a"), (0.0, "b"))
    ]
    assert lines(bill(tmp_path, "\n".join(map(json.dumps, logs)))) == [("2026-11", "a", 0.75)]
    with pytest.raises(InputError, match=r"results\[0\].breakdown.models.gpt-4o-mini.metrics.spend: found 'x'"):
        bill(tmp_path, {"results": [{**day, "breakdown": {"models": {"gpt-4o-mini": {"metrics": {"spend": "x"}}}}}]})


def test_the_examples(shared_data: Path) -> None:
    spend = shared_data / "iac" / "spend"
    assert read_invoice(spend / "constructed-litellm-daily-activity.json").format == "litellm-spend"
    logs = read_invoice(spend / "constructed-litellm-spendlogs.jsonl")
    assert logs.format == "litellm-spend"
    assert {paid.month for paid in logs.paid} == {"2026-11"}
    assert read_invoice(spend / "constructed-focus-1.2-simulated-bill.csv").format == "focus"


# What lines mean, and what is no bill.


def test_a_line_means_the_only_deployment_of_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def api(name: str, vendor: str, model: str, lane_of: str | None = None) -> Any:
        return SimpleNamespace(name=name, model=SimpleNamespace(vendor=vendor, model=model), lane_of=lane_of)

    monkeypatch.setattr("sim.planning.invoices.meanings.ResolvedApi", SimpleNamespace)
    meanings = {
        "a": Meaning("openai", "gpt-4o-2024-08-06", "api_input"),
        "b": Meaning("openai", "gpt-4o-mini", "api_output"),
        "c": Meaning("", "openai/gpt-oss-120b"),
        "d": Meaning("anthropic", "Claude Haiku 4.5", "api_output"),
    }
    stack: Any = SimpleNamespace(
        deployments=[
            api("one", "openai", "gpt-4o"), api("one-batch", "openai", "gpt-4o", "one"), api("two", "openai", "gpt-4o-mini"),
            api("three", "openai", "gpt-4o-mini"), api("open", "groq", "openai/gpt-oss-120b"), api("haiku", "anthropic", "claude-haiku-4-5"),
        ]
    )  # fmt: skip
    invoice = Invoice((), "x", (), meanings)
    assert known_names(invoice, stack, {}) == {"a": "one/api_input", "c": "open", "d": "haiku/api_output"}
    assert known_names(invoice, stack, {"other": "one", "d": "haiku/api_input"}) == {"c": "open"}
    assert same_name("gpt-4o-2024-08-06") == same_name("GPT-4o") == "gpt-4o"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no columns 'month', 'line', 'usd'"),
        ("a,b\n1,2\n", r"bill:1: no columns 'month', 'line', 'usd'; allowed: month, line, usd .*FOCUS 1.2 .*OpenAI's costs"),
        ("Months,line,usd\n1,2,3\n", r"bill:1: no column 'month' \(is it 'Months'\?\); allowed: month, line, usd [^\n]*$"),
        ({"a": 1}, r"no bill of a format that is known \(it has a\); known: FOCUS 1.2"),
        ({"a\x1b[31m": 1}, r"it has a\\x1b\[31m"),
        ([], r"it has nothing"),
        ([1], "found '1'; objects are needed"),
        ('{"data": [{"starting_at"', r"bill:1:\d+: not JSON"),
        ('{"a": 1}\n{"b": \n', "bill:2: not a JSON object"),
        (b"PK\x03\x04rest", "a ZIP archive; unpack it first"),
        (b"PAR1 and nothing of the kind", "cannot be read"),
        (b"\x1f\x8b\x08\x00cut", "cannot be read"),
        (b"month,line,usd\n2026-11,\xff,1\n", "not UTF-8"),
        ("[" * 100_000, "not JSON"),
        ("month,line,usd\n2026-11,a," + "9" * 400 + "\n", "usd: found '999"),
        ("lineItem/UsageStartDate,lineItem/UnblendedCost,lineItem/ProductCode\n2026-11-01,1,\n", "lineItem/ProductCode: found nothing; allowed: a product code"),
        ("lineItem/UsageStartDate,lineItem/UnblendedCost,lineItem/ProductCode\nsoon,NaN,x\n", "lineItem/UsageStartDate: found 'soon'.*\n.*lineItem/UnblendedCost: found 'NaN'"),
    ],
)  # fmt: skip
def test_what_is_no_bill_is_refused(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        bill(tmp_path, content)


def test_names_of_lines_are_printable(tmp_path: Path) -> None:
    assert lines(bill(tmp_path, 'month,line,usd\n2026-11,"a\x1b[31m\nb",1\n')) == [("2026-11", "a\\x1b[31m b", 1.0)]
