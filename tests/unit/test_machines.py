"""Machines of clouds: which GPUs an instance type has, what is none, and what is refused."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.machine import Machine, find_machine, gpu_of_accelerator
from sim.catalog.overview import find_entry, list_entries, show_entry
from sim.catalog.price_book import PriceBook
from sim.errors import InputError

CATALOG = Catalog.bundled()
MACHINES = CATALOG.machines().all
BOOK = PriceBook(CATALOG.date)
GATHERED = Path(os.environ.get("SIM_SHARED") or Path(__file__).parents[3] / "shared") / "data" / "catalog" / "gpu_prices.csv"


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_the_gpus_of_every_machine_are_in_the_catalogue_and_fit_a_node(machine: Machine) -> None:
    gpu = CATALOG.gpu(machine.gpu)
    # a2-megagpu-16g joins two boards of eight.
    assert machine.gpus <= gpu.gpus_per_node or machine.name == "a2-megagpu-16g"
    assert machine.provider in CATALOG.names("provider")
    assert machine.source and machine.as_of
    assert CATALOG.machine(machine.name) is machine


@pytest.mark.parametrize(
    ("name", "provider", "gpu", "gpus"),
    [
        ("p4d.24xlarge", "aws", "a100-40gb", 8),
        ("p5.48xlarge", "aws", "h100-sxm", 8),
        ("g5.xlarge", "aws", "a10g", 1),
        ("a2-highgpu-1g", "gcp", "a100-40gb", 1),
        ("a3-highgpu-8g", "gcp", "h100-sxm", 8),
        ("g2-standard-24", "gcp", "l4", 2),
        ("g2-standard-32", "gcp", "l4", 1),
        ("Standard_NC24ads_A100_v4", "azure", "a100-80gb", 1),
        ("standard_nd96isr_h100_v5", "azure", "h100-sxm", 8),
        ("ND96isr_H100_v5", "azure", "h100-sxm", 8),
        ("https://www.googleapis.com/compute/v1/projects/p/zones/z/machineTypes/a3-megagpu-8g", "gcp", "h100-sxm", 8),
    ],
)
def test_a_machine_is_found_by_the_names_that_plans_have(name: str, provider: str, gpu: str, gpus: int) -> None:
    machine = CATALOG.machine(name)
    assert (machine.provider, machine.gpu, machine.gpus) == (provider, gpu, gpus)
    assert CATALOG.machine(name, provider) is machine


@pytest.mark.parametrize(
    "name",
    ["m5.large", "c7i-flex.2xlarge", "t3.micro", "m5.metal", "n1-standard-1", "e2-custom-4-8192", "Standard_D4s_v5", "standard_b2ms"],
)
def test_a_machine_of_a_family_without_gpus_is_none(name: str) -> None:
    assert find_machine(CATALOG, name) is None
    with pytest.raises(InputError, match="has no GPU"):
        CATALOG.machine(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("p9.48xlarge", r"unknown machine 'p9.48xlarge'; did you mean 'p5.48xlarge'\?"),
        ("p5.48xlarg", r"unknown machine 'p5.48xlarg'; did you mean 'p5.48xlarge'\?"),
        ("Standard_ND96isr_H100_v4", r"did you mean 'Standard_ND96isr_H100_v5'\?"),
        ("m5.larg", "unknown machine 'm5.larg'"),
        ("test-machine_type", "unknown machine 'test-machine_type'"),
        ("", "unknown machine ''"),
        ("Standard_NV6ads_A10_v5", "has a sixth of one A10; only whole GPUs"),
        ("g4-standard-12", "has a quarter of one RTX PRO 6000"),
        ("g6f.xlarge", "has a share of one L4"),
        ("trn1.32xlarge", "has Trainium, which is not modelled"),
        ("g4ad.xlarge", "has Radeon Pro V520"),
        ("\x1b[31mp5", r"unknown machine '\\\\x1b\[31mp5'"),
        ("p" * 300, "300 characters; allowed: at most 200"),
    ],
)
def test_what_is_unknown_or_not_modelled_is_an_error_that_says_so(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_machine(CATALOG, name)


def test_a_machine_of_another_provider_is_unknown() -> None:
    with pytest.raises(InputError, match=r"unknown machine 'p5\.48xlarge'"):
        CATALOG.machine("p5.48xlarge", "azure")


def test_accelerators_of_google_are_gpus_of_the_catalogue() -> None:
    for name, gpu in [
        ("nvidia-tesla-t4", "t4"),
        ("nvidia-tesla-a100", "a100-40gb"),
        ("nvidia-a100-80gb", "a100-80gb"),
        ("nvidia-h100-mega-80gb", "h100-sxm"),
        ("projects/p/zones/z/acceleratorTypes/nvidia-l4", "l4"),
    ]:
        assert gpu_of_accelerator(CATALOG, name) == gpu
        CATALOG.gpu(gpu)
    with pytest.raises(InputError, match="is K80"):
        gpu_of_accelerator(CATALOG, "nvidia-tesla-k80")
    with pytest.raises(InputError, match=r"unknown accelerator 'nvidia-h100-80g'.*did you mean 'nvidia-h100-80gb'\?"):
        gpu_of_accelerator(CATALOG, "nvidia-h100-80g")


def test_a_machine_has_a_price_of_its_own_only_where_its_gpus_cost_something_else() -> None:
    own_prices = [(machine, price) for machine in MACHINES for price in machine.prices]
    assert own_prices
    for machine, price in own_prices:
        gpus = BOOK.gpu_price(CATALOG.gpu(machine.gpu), machine.provider, price.purchase, price.region).usd_per_gpu_hour * machine.gpus
        assert price.usd_per_machine_hour != pytest.approx(gpus, rel=1e-3), machine.name
        hour = BOOK.machine_price(machine, CATALOG.gpu(machine.gpu), price.purchase, price.region)
        assert hour.usd_per_gpu_hour * machine.gpus == pytest.approx(price.usd_per_machine_hour)
        assert hour.source == price.source


def own(folder: Path, text: str) -> Catalog:
    (folder / "machines").mkdir()
    (folder / "machines" / "mine.yaml").write_text(text)
    return Catalog.load(folder)


def test_a_folder_of_ones_own_adds_and_replaces(tmp_path: Path) -> None:
    catalog = own(
        tmp_path,
        """
provider: aws
machines:
  p9.48xlarge: {gpu: b300, gpus: 8}
  p5.48xlarge: {gpu: h200-sxm, gpus: 4}
sources: [{keys: [machines], source: our contract, as_of: 2026-11}]
""",
    )
    assert catalog.machine("p9.48xlarge").gpu == "b300"
    assert (catalog.machine("p5.48xlarge").gpus, catalog.machine("p5.48xlarge").source) == (4, "our contract")
    assert catalog.machine("p4d.24xlarge").gpus == 8
    assert find_machine(catalog, "m5.large") is None


def test_a_name_of_two_providers_asks_for_the_provider(tmp_path: Path) -> None:
    text = "provider: nebius\nmachines:\n  p5.48xlarge: {gpu: h100-sxm, gpus: 8}\nsources: [{keys: [machines], source: made up, as_of: 2026}]\n"
    catalog = own(tmp_path, text)
    with pytest.raises(InputError, match=r"is one of nebius and of aws; name the provider"):
        catalog.machine("p5.48xlarge")
    assert catalog.machine("p5.48xlarge", "nebius").provider == "nebius"


def test_the_file_of_the_manual_is_valid(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "catalog.md").read_text()
    text = next(block.split("```")[0] for block in manual.split("```yaml\n")[1:] if block.startswith("provider:"))
    assert own(tmp_path, text).machine("gpu-h200-sxm-8").gpus == 8


def test_all_mistakes_of_a_file_are_told_with_their_places(tmp_path: Path) -> None:
    gpus = """provider: aws
machines:
  x1.y: {gpu: h100-smx, gpus: 8}
  x2.y: {gpu: b2000, gpus: 8}
sources: [{keys: [machines], source: none, as_of: 2026}]
"""
    with pytest.raises(InputError) as told:
        own(tmp_path, gpus).machines()
    assert "mine.yaml:3:15: machines.\"x1.y\".gpu: unknown gpu 'h100-smx'; did you mean 'h100-sxm'?" in str(told.value)
    assert "mine.yaml:4:15" in str(told.value)
    priced = "prices: [{region: here, usd_per_machine_hour: {x3.y: 4}, source: none, as_of: 2026}]\n"
    (tmp_path / "machines" / "mine.yaml").write_text(gpus.replace("h100-smx", "h100-sxm").replace("b2000", "b200") + priced)
    with pytest.raises(InputError, match=r"mine\.yaml:6:48: .*unknown machine 'x3\.y'; allowed: one of the same file"):
        Catalog.load(tmp_path).machines()
    (tmp_path / "machines" / "mine.yaml").write_text(gpus.replace("gpus: 8", "gpus: 0.5"))
    with pytest.raises(InputError, match="gpus"):
        Catalog.load(tmp_path).machines()


def test_lists_and_shows_price_a_machine_by_its_gpus() -> None:
    rows = {row["name"]: row for row in list_entries(CATALOG, "machine", BOOK)}
    assert len(rows) == len(MACHINES)
    assert rows["p4d.24xlarge"]["usd_per_machine_hour"] == pytest.approx(8 * 2.7447)
    assert rows["p6e-gb200.36xlarge"]["usd_per_machine_hour"] is None
    # Its own price, as its one GPU is dearer in a machine of that size.
    assert rows["g5.16xlarge"]["usd_per_machine_hour"] == 4.096 > rows["g5.xlarge"]["usd_per_machine_hour"]
    assert find_entry(CATALOG, "nd96isr_h100_v5") == [("machine", "Standard_ND96isr_H100_v5")]
    shown = show_entry(CATALOG, "machine", "p5.48xlarge", BOOK)
    for price in shown["derived"]["prices"]:
        assert price["usd_per_machine_hour"] == pytest.approx(8 * price["usd_per_gpu_hour"])
    assert shown["file"] == "models/machines/aws.yaml"


@pytest.mark.shared
def test_machines_are_those_of_the_prices_that_were_gathered() -> None:
    if not GATHERED.exists():
        pytest.skip(f"{GATHERED} is not here")
    with GATHERED.open() as file:
        rows = [row for row in csv.DictReader(file) if row["cloud"] in ("aws", "gcp", "azure")]
    assert rows
    for row in rows:
        # "Standard_ND96asr_A100_v4" is what one list calls Standard_ND96asr_v4.
        machine = CATALOG.machine(row["instance_type"], row["cloud"])
        assert machine.gpus == int(row["gpus_per_instance"]), row
        memory = CATALOG.gpu(machine.gpu).memory_gib
        assert not row["gpu_mem_gb"] or memory == pytest.approx(float(row["gpu_mem_gb"]), rel=0.1), row
        assert machine.gpu.startswith(row["gpu"].split()[0].lower()), row
