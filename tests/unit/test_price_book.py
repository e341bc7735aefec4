"""The price book: against genai-prices' own calculation, against list prices gathered by hand, and its refusals."""

from __future__ import annotations

import csv
import datetime
import itertools
from pathlib import Path

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Gpu
from sim.catalog.price_book import PriceBook
from sim.catalog.price_file import load_price_file
from sim.catalog.token_prices import read_list_prices
from sim.errors import InputError

BUNDLED = Path(__file__).parents[2] / "models"
GATHERED = Path(__file__).parents[3] / "shared" / "data" / "catalog" / "api_prices.csv"
TODAY = datetime.date(2026, 11, 21)
CATALOG = Catalog((BUNDLED,))
APIS = CATALOG.names("api")


def package_usd(provider: str, model: str, when: datetime.datetime, context: dict[str, str] | None = None, **usage: int) -> float:
    from genai_prices import Usage, calc_price

    found = calc_price(Usage(**usage), model, provider_id=provider, genai_request_timestamp=when, price_context=context)
    return float(found.total_price)


def noon(date: datetime.date, hour: float = 12.0) -> datetime.datetime:
    return datetime.datetime.combine(date, datetime.time(0), datetime.UTC) + datetime.timedelta(hours=hour)


@pytest.mark.parametrize("name", APIS)
def test_every_api_has_the_price_that_genai_prices_computes(name: str) -> None:
    api = CATALOG.api(name)
    assert api.price is not None
    prices = PriceBook(TODAY).tokens(api)
    for input_tokens, cached, output in itertools.product((1, 1000, 100_000, 100_001, 200_001, 272_000, 272_001), (0, 1), (0, 777)):
        for hour in (0.0, 0.99, 1.0, 3.99, 4.0, 6.0, 9.99, 10.0, 12.0, 23.99):
            expected = package_usd(
                api.price.provider, api.price.model, noon(TODAY, hour),
                input_tokens=input_tokens, cache_read_tokens=cached, output_tokens=output,
            )  # fmt: skip
            rate = prices.at(hour * 3600).at(input_tokens)
            found = rate.usd(input_tokens=input_tokens, cached_tokens=cached, output_tokens=output)
            assert found == pytest.approx(expected, rel=1e-12), (input_tokens, cached, output, hour)


@pytest.mark.parametrize("name", APIS)
def test_batch_prices_are_those_of_the_package_and_cover_every_kind_of_token(name: str) -> None:
    api = CATALOG.api(name)
    assert api.price is not None
    prices = PriceBook(TODAY).tokens(api)
    assert (prices.batch is not None) == (api.batch is not None)
    if prices.batch is None:
        with pytest.raises(InputError, match="no batch price"):
            prices.batch_rates()
        return
    for input_tokens in (10, 100_001, 300_000):
        expected = package_usd(
            api.price.provider, api.price.model, noon(TODAY), {"processing": "batch"},
            input_tokens=input_tokens, cache_read_tokens=3, output_tokens=5,
        )  # fmt: skip
        found = prices.batch.at(input_tokens)
        assert found.usd(input_tokens=input_tokens, cached_tokens=3, output_tokens=5) == pytest.approx(expected, rel=1e-12)
        listed = prices.standard.at(input_tokens)
        assert found.input_usd_per_mtok == pytest.approx(listed.input_usd_per_mtok / 2)
        assert found.output_usd_per_mtok == pytest.approx(listed.output_usd_per_mtok / 2)
        assert found.cached_input_usd_per_mtok <= found.input_usd_per_mtok


@pytest.mark.parametrize("name", APIS)
def test_a_reference_names_its_entry_exactly(name: str) -> None:
    """A loose match would price a model as its cousin, and go on doing so when the cousin's price moves."""
    from genai_prices import data_snapshot

    reference = CATALOG.api(name).price
    assert reference is not None
    snapshot = data_snapshot.get_snapshot()
    seller = next(each for each in snapshot.providers if each.id == reference.provider)
    entry = seller.find_model(reference.model, all_providers=snapshot.providers)
    assert entry is not None
    assert entry.id == reference.model


@pytest.mark.shared
def test_list_prices_agree_with_those_gathered_by_hand() -> None:
    if not GATHERED.exists():
        pytest.skip("the gathered price list is not beside the repository")
    with GATHERED.open(newline="") as file:
        rows = list(csv.DictReader(file))
    compared = 0
    for key, group in itertools.groupby(rows, key=lambda row: (row["provider"], row["model"])):
        segments = list(group)
        dated = [row for row in segments if not row["utc_time_window"] and (row["segment_start"] or "0") <= TODAY.isoformat()]
        prices = read_list_prices("x", *key, TODAY)
        current = dated[-1]
        for row in [current, *(row for row in segments if row["utc_time_window"])]:
            start = row["utc_time_window"][:2]
            rates = prices.at(int(start) * 3600.0) if start else prices.at(12 * 3600.0)
            base = rates.at(0)
            assert base.input_usd_per_mtok == float(row["input_usd_mtok"]), key
            assert base.output_usd_per_mtok == float(row["output_usd_mtok"]), key
            if row["cache_read_usd_mtok"]:
                assert base.cached_input_usd_per_mtok == float(row["cache_read_usd_mtok"]), key
            if row["cache_write_5m_usd_mtok"]:
                assert base.cache_write_usd_per_mtok == float(row["cache_write_5m_usd_mtok"]), key
            if row["input_tier_start_input_tokens"]:
                tier = int(row["input_tier_start_input_tokens"])
                assert rates.at(tier) == base
                assert rates.at(tier + 1).input_usd_per_mtok == float(row["input_tier_usd_mtok"]), key
                assert rates.at(tier + 1).output_usd_per_mtok == float(row["output_tier_usd_mtok"]), key
            compared += 1
        if current["batch_input"]:
            assert prices.batch_rates().at(0).input_usd_per_mtok == float(current["batch_input"]), key
            assert prices.batch_rates().at(0).output_usd_per_mtok == float(current["batch_output"]), key
    assert compared >= 50


def test_a_scheduled_change_takes_effect_on_its_day() -> None:
    flash = CATALOG.api("gemini-3.8-flash")
    book = PriceBook(TODAY)
    before, after = (book.tokens_on(flash, datetime.date(*day)) for day in ((2026, 12, 31), (2027, 1, 1)))
    for old, new in zip(before.standard.by_input_tokens, after.standard.by_input_tokens, strict=True):
        assert new.input_usd_per_mtok == 2 * old.input_usd_per_mtok
    changes = book.scheduled_changes(flash, datetime.date(2027, 12, 31))
    assert [date for date, _ in changes] == [datetime.date(2027, 1, 1)]
    assert changes[0][1].standard == after.standard
    assert "price of 2027-01-01" in after.source
    assert book.scheduled_changes(flash, datetime.date(2026, 12, 31)) == []


def test_a_batch_price_before_its_first_record_is_not_the_standard_one() -> None:
    api = CATALOG.api("gpt-6-luna")
    early = PriceBook(datetime.date(2026, 10, 13)).tokens(api)
    assert early.batch is None
    with pytest.raises(InputError, match=r"no batch price of gpt-6-luna is known on 2026-10-13"):
        early.batch_rates()
    assert PriceBook(datetime.date(2026, 10, 14)).tokens(api).batch is not None
    assert PriceBook(datetime.date(2026, 10, 11)).tokens(api).flex is None


def test_peak_hours_are_priced_apart_and_not_before_they_were_recorded() -> None:
    prices = read_list_prices("x", "deepseek", "deepseek-v4-flash", TODAY)
    assert [start / 3600 for start, _ in prices.by_time] == [0, 1, 4, 6, 10]
    assert prices.at(2 * 3600).at(0).input_usd_per_mtok == 2 * prices.at(5 * 3600).at(0).input_usd_per_mtok
    assert prices.at(86_400 + 2 * 3600) == prices.at(2 * 3600)
    with pytest.raises(InputError, match="by the hour are recorded only from 2026-09-10"):
        read_list_prices("x", "deepseek", "deepseek-v4-flash", datetime.date(2026, 9, 9))


def test_a_borrowed_entry_lends_its_list_price_only() -> None:
    own = PriceBook(TODAY).tokens(CATALOG.api("gpt-5-mini"))
    lent = PriceBook(TODAY).tokens(CATALOG.api("azure-gpt-5-mini"))
    assert lent.standard == own.standard
    assert own.batch is not None
    assert (lent.batch, lent.flex, lent.priority) == (None, None, None)
    assert "openai/gpt-5-mini for azure" in lent.source


@pytest.mark.parametrize(
    ("provider", "model", "message"),
    [
        ("opanai", "gpt-4o", "unknown price provider 'opanai'; did you mean 'openai'"),
        ("groq", "lama-3.3-70b-versatile", "no price of groq/lama-3.3-70b-versatile is known.*did you mean 'llama-3.3-70b-versatile'"),
        ("mistral", "devstral-small:free", "the price book has no token price"),
    ],
)
def test_an_unknown_price_is_an_error(provider: str, model: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_list_prices("x", provider, model, TODAY)


def gpu(name: str = "h100-sxm") -> Gpu:
    return CATALOG.gpu(name)


def test_a_gpu_price_is_the_last_one_up_to_the_day() -> None:
    listed = {price.as_of: price.usd_per_gpu_hour for price in gpu().prices if (price.provider, price.purchase) == ("runpod", "on_demand")}
    assert len(listed) == 3
    first, second, third = sorted(listed)
    for day, as_of in (
        ("2026-01-01", first),
        (first, first),
        ("2026-09-24", first),
        (second, second),
        ("2026-11-08", second),
        (third, third),
        ("2029-01-01", third),
    ):
        assert PriceBook(datetime.date.fromisoformat(day)).gpu_price(gpu(), "runpod").usd_per_gpu_hour == listed[as_of]


def test_the_default_provider_and_region() -> None:
    book = PriceBook(TODAY)
    assert book.gpu_price(gpu()).provider == gpu().default_provider
    aws = book.gpu_price(gpu(), "aws")
    assert (aws.region, aws.gpus_sold_together) == ("us-east-1", 8)
    assert book.gpu_price(gpu(), "aws", region="eu-west-2").usd_per_gpu_hour > aws.usd_per_gpu_hour
    assert book.gpu_price(gpu("l40s"), purchase="spot").provider == "verda"


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("a30", {}, "no provider given to buy it on_demand; none at all is known; give one in a price file"),
        ("h100-sxm", {"purchase": "spot"}, "no provider given to buy it spot; known: .*aws spot.*gcp spot"),
        ("h100-sxm", {"provider": "lamda"}, "no price of lamda on_demand is known.*did you mean 'lambda'"),
        ("h100-sxm", {"provider": "runpod", "purchase": "reserved_3y"}, "no price of runpod reserved_3y is known"),
        ("h100-sxm", {"provider": "aws", "region": "us-east-9"}, "in us-east-9 is known; known: us-east-1.*did you mean"),
    ],
)
def test_an_unknown_gpu_price_is_an_error_that_names_what_is_known(name: str, arguments: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PriceBook(TODAY).gpu_price(gpu(name), **arguments)


NEGOTIATED = """\
api:
  claude-sonnet-5-5: {discount: 15%}
  gpt-6.1-sol: {input_usd_per_mtok: 1.6, output_usd_per_mtok: 8, batch_discount: 0.5}
gpu:
  h100-sxm:
    - {provider: aws, purchase: reserved_1y, usd_per_gpu_hour: 3.9, gpus_sold_together: 8}
  l4: [{provider: gcp, usd_per_gpu_hour: 0.7}]
"""


def book_of(text: str, folder: Path) -> PriceBook:
    file = folder / "prices.yaml"
    file.write_text(text)
    return PriceBook(TODAY, load_price_file(file, CATALOG, "prices.yaml"), "prices.yaml")


def test_negotiated_prices_go_first(tmp_path: Path) -> None:
    book, plain = book_of(NEGOTIATED, tmp_path), PriceBook(TODAY)
    sonnet = CATALOG.api("claude-sonnet-5-5")
    for mine, listed in (
        (book.tokens(sonnet).standard, plain.tokens(sonnet).standard),
        (book.tokens(sonnet).batch_rates(), plain.tokens(sonnet).batch_rates()),
    ):
        assert mine.at(0).output_usd_per_mtok == pytest.approx(0.85 * listed.at(0).output_usd_per_mtok)
        assert mine.at(0).cached_input_usd_per_mtok == pytest.approx(0.85 * listed.at(0).cached_input_usd_per_mtok)
    sol = book.tokens(CATALOG.api("gpt-6.1-sol"))
    assert sol.negotiated
    assert (sol.standard.at(1e6).input_usd_per_mtok, sol.standard.at(0).cached_input_usd_per_mtok) == (1.6, 1.6)
    assert sol.batch_rates().at(0).output_usd_per_mtok == 4
    assert book.gpu_price(gpu(), purchase="reserved_1y").usd_per_gpu_hour == 3.9
    assert book.gpu_price(gpu("l4")).provider == "gcp"
    assert book.gpu_price(gpu()).negotiated is False
    assert book.scheduled_changes(CATALOG.api("gpt-6.1-sol"), datetime.date(2028, 1, 1)) == []


def test_a_price_file_reports_every_mistake_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        book_of("api:\n  gpt-6.1-sun: {discount: 0.1}\ngpu:\n  h100-smx: []\n", tmp_path)
    first, second = str(caught.value).splitlines()
    assert first.startswith('prices.yaml:2:3: api."gpt-6.1-sun": unknown api')
    assert "did you mean 'gpt-6.1-sol'?" in first
    assert second.startswith("prices.yaml:4:3: gpu.h100-smx: unknown gpu")
    bad = "api:\n  gpt-4o: {discount: 15, input_usd_per_mtok: -1}\n  gpt-5-mini: {input_usd_per_mtok: 1}\ngpu:\n  l4: [{provider: gcp, usd_per_gpu_hours: 1}]\n"
    with pytest.raises(InputError) as caught:
        book_of(bad, tmp_path)
    places = [line.split(": ")[0] for line in str(caught.value).splitlines()]
    assert places == ["prices.yaml:2:22", "prices.yaml:2:46", "prices.yaml:3:15", "prices.yaml:5:8", "prices.yaml:5:24"]


def test_the_price_file_of_the_manual_is_valid(tmp_path: Path) -> None:
    manual = (BUNDLED.parent / "docs" / "catalog.md").read_text()
    text = next(block.split("```")[0] for block in manual.split("```yaml\n")[1:] if block.startswith("api:"))
    book = book_of(text, tmp_path)
    assert book.tokens(CATALOG.api("gpt-6.1-sol")).batch_rates().at(0).input_usd_per_mtok == 0.8
    assert book.gpu_price(gpu(), "aws", "reserved_1y").usd_per_gpu_hour == 3.9
