"""Price lists of other tools are told by what is in them; SkyPilot catalogues as prices; and what is refused."""

from __future__ import annotations

import datetime
import gzip
from pathlib import Path

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.price_file import PriceFile, price_file_of
from sim.catalog.price_formats import load_prices
from sim.errors import InputError
from sim.stack.check import check_file

CATALOG = Catalog.bundled()
TODAY = datetime.date(2026, 11, 21)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def prices(folder: Path, name: str, text: str) -> PriceFile:
    return load_prices(written(folder, name, text), CATALOG, name)


def refusal(folder: Path, name: str, text: str) -> str:
    with pytest.raises(InputError) as told:
        prices(folder, name, text)
    return str(told.value)


def about(name: str, count: int, memory: int) -> str:
    return f"\"{{'Gpus': [{{'Name': '{name}', 'Count': {count}, 'MemoryInfo': {{'SizeInMiB': {memory}}}}}]}}\""


AWS = f"""InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,AvailabilityZone,Arch
m5.large,,,2.0,8.0,,0.096,0.03,us-east-1,use1-az1,x86_64
p5.48xlarge,H100,8.0,192.0,2048.0,{about("H100", 8, 81920)},55.04,12,us-west-2,usw2-az1,x86_64
p5.48xlarge,H100,8.0,192.0,2048.0,{about("H100", 8, 81920)},55.04,16,us-west-2,usw2-az2,x86_64
p5.48xlarge,H100,8.0,192.0,2048.0,{about("H100", 8, 81920)},55.04,32,us-west-2,usw2-az3,x86_64
p5.48xlarge,H100,8.0,192.0,2048.0,{about("H100", 8, 81920)},58,20,us-east-1,use1-az1,x86_64
p5.48xlarge,H100,8.0,192.0,2048.0,{about("H100", 8, 81920)},57,,us-east-1,use1-az2,x86_64
g6.xlarge,L4,1,4,16,,0.8,0.3,ap-south-1,aps1-az1,x86_64
g6.16xlarge,L4,1,64,256,,3.4,,ap-south-1,aps1-az1,x86_64
p4d.24xlarge,A100,8,96,1152,,0,0,us-east-1,use1-az1,x86_64
p2.xlarge,K80,1,4,61,,0.9,0.3,us-east-1,use1-az1,x86_64
g6f.xlarge,L4,0.125,4,16,,0.2,,us-east-1,use1-az1,x86_64
"""


def test_a_skypilot_catalogue_prices_gpus_and_machines(tmp_path: Path) -> None:
    file = prices(tmp_path, "aws/vms.csv", AWS)
    book = PriceBook(TODAY, file, "somewhere/aws/vms.csv")
    h100, l4 = CATALOG.gpu("h100-sxm"), CATALOG.gpu("l4")
    there = book.gpu_price(h100, "aws", "on_demand", "us-west-2")
    assert (there.usd_per_gpu_hour, there.gpus_sold_together) == (55.04 / 8, 8)
    # On demand the lowest zone, spot the median of the zones.
    assert book.gpu_price(h100, "aws", "on_demand", "us-east-1").usd_per_gpu_hour == 57 / 8
    assert book.gpu_price(h100, "aws", "spot", "us-west-2").usd_per_gpu_hour == 16 / 8
    # Without a region the one that our own prices are of, not the first by name.
    assert book.gpu_price(h100, "aws").region == "us-east-1"
    # A GPU costs what it does in the cheapest machine, a machine what it costs itself.
    assert book.gpu_price(l4, "aws").usd_per_gpu_hour == 0.8
    dear = CATALOG.machine("g6.16xlarge")
    assert book.machine_price(dear, l4, region="ap-south-1").usd_per_gpu_hour == 3.4
    eight = CATALOG.machine("p5.48xlarge")
    assert book.machine_price(eight, h100, "spot", "us-west-2").usd_per_gpu_hour * eight.gpus == pytest.approx(16)
    # What the file has no price of costs what the catalogue says.
    assert book.machine_price(CATALOG.machine("p4d.24xlarge"), CATALOG.gpu("a100-40gb")).source == CATALOG.gpu("a100-40gb").prices[1].source


def test_prices_of_a_list_say_so_and_from_which_file(tmp_path: Path) -> None:
    file = prices(tmp_path, "aws-2026-11-20.csv", AWS)
    hour = PriceBook(TODAY, file, "/home/somebody/aws-2026-11-20.csv").gpu_price(CATALOG.gpu("l4"), "aws")
    assert (hour.source, hour.as_of, hour.negotiated) == ("aws-2026-11-20.csv (SkyPilot catalogue)", "2026-11-20", False)
    for name in ("aws/vms.csv", "aws-2026-19-39.csv"):
        assert PriceBook(TODAY, prices(tmp_path, name, AWS)).gpu_price(CATALOG.gpu("l4"), "aws").as_of == "undated"


def test_what_is_left_out_is_noted(tmp_path: Path) -> None:
    notes = "\n".join(prices(tmp_path, "aws/vms.csv", AWS).notes)
    assert "vms.csv: list prices of aws, undated: 2 GPUs in 3 regions" in notes
    assert "differ most for p5.48xlarge in us-west-2, 12 to 32 USD an hour" in notes
    assert "of accelerators that are not in the catalogue: K80 (1)" in notes
    assert "of shares of a GPU: 1" in notes
    assert "without a price or with a price of 0: 1" in notes


def test_a_price_file_survives_as_text(tmp_path: Path) -> None:
    file = prices(tmp_path, "aws/vms.csv", AWS)
    assert price_file_of(file.text()) == file
    assert PriceBook(TODAY, file).prices_text == file.text()
    assert PriceBook(TODAY).prices_text is None
    own = price_file_of("gpu:\n  l4: [{provider: gcp, usd_per_gpu_hour: 0.7}]\n")
    assert own.gpu["l4"][0].usd_per_gpu_hour == 0.7
    assert price_file_of(own.text()) == own


GCP = """InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,AvailabilityZone,Price,SpotPrice
a3-highgpu-8g,208.0,1872.0,,,,us-central1,us-central1-a,9.46,2.9
a3-megagpu-8g,208.0,1872.0,,,,us-central1,us-central1-a,9.46,2.9
a4-highgpu-8g,224.0,3968.0,,,,us-central1,us-central1-b,0.0,0.0
n1-highmem-8,8.0,52.0,,,,us-central1,us-central1-a,0.47,0.1
,,,H100,8,,us-central1,us-central1-a,78.5,20
,,,H100,1,,us-central1,us-central1-a,9.8,2.5
,,,H100-MEGA,8,,us-central1,us-central1-a,80.5,22
,,,B200,8,,us-central1,us-central1-b,0,30
,,,T4,1,,us-central1,us-central1-a,0.35,0.14
,,,tpu-v6e-8,1,tpu-v6e-8,us-central1,us-central1-b,21.6,8.7
"""


def test_googles_machines_and_their_gpus_are_added_up(tmp_path: Path) -> None:
    file = prices(tmp_path, "vms-gcp.csv", GCP)
    book = PriceBook(TODAY, file)
    h100 = CATALOG.gpu("h100-sxm")
    assert book.machine_price(CATALOG.machine("a3-highgpu-8g"), h100).usd_per_gpu_hour == pytest.approx((9.46 + 78.5) / 8)
    assert book.machine_price(CATALOG.machine("a3-megagpu-8g"), h100).usd_per_gpu_hour == pytest.approx((9.46 + 80.5) / 8)
    assert book.machine_price(CATALOG.machine("a3-highgpu-8g"), h100, "spot").usd_per_gpu_hour == pytest.approx(22.9 / 8)
    assert book.gpu_price(CATALOG.gpu("t4"), "gcp").usd_per_gpu_hour == 0.35
    # Half a price is none: neither the B200 without its machine, nor the machine without its GPUs.
    assert "b200" not in file.gpu
    assert "h100-sxm" in file.gpu
    assert any("t4: the price of the GPU alone" in note for note in file.notes)
    assert any("tpu-v6e-8 (1)" in note for note in file.notes)


RUNPOD = f"""InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Region,SpotPrice,Price,AvailabilityZone,GpuInfo
1x_A100-80GB_SECURE,A100-80GB,1.0,8.0,117.0,US,0.8,1.39,US-CA-1,{about("A100 PCIe", 1, 80)}
1x_H100_SECURE,H100,1.0,16.0,188.0,US,,2.39,US-CA-1,{about("H100 PCIe", 1, 80)}
2x_H100-SXM_SECURE,H100-SXM,2.0,20.0,125.0,US,,5.38,US-CA-1,{about("H100 SXM", 1, 80)}
1x_H100_COMMUNITY,H100,1.0,16.0,188.0,US,,1.99,US-CA-1,{about("H100 PCIe", 1, 80)}
"""


def test_a_plain_h100_is_the_pcie_card_where_the_file_has_an_sxm_one(tmp_path: Path) -> None:
    book = PriceBook(TODAY, prices(tmp_path, "runpod/vms.csv", RUNPOD))
    assert book.gpu_price(CATALOG.gpu("h100-sxm"), "runpod").usd_per_gpu_hour == 5.38 / 2
    assert book.gpu_price(CATALOG.gpu("h100-pcie"), "runpod").usd_per_gpu_hour == 2.39
    assert book.gpu_price(CATALOG.gpu("h100-pcie"), "runpod", "on_demand_community").usd_per_gpu_hour == 1.99
    assert book.gpu_price(CATALOG.gpu("a100-80gb"), "runpod", "spot").usd_per_gpu_hour == 0.8


@pytest.mark.parametrize(
    ("machine", "accelerator", "memory", "gpu"),
    [
        ("gpu_1x_h100_pcie", "H100", 81920, "h100-pcie"),
        ("gpu_8x_h100_sxm5", "H100", 81920, "h100-sxm"),
        ("gpu_8x_v100", "V100", 16384, "v100-16gb"),
        ("gpu_8x_a100", "A100", 40960, "a100-40gb"),
        ("gpu_8x_a100", "A100", 81920, "a100-80gb"),
        ("gpu_8x_a100_80gb_sxm4", "A100-80GB", 81920, "a100-80gb"),
        ("gpu_1x_gh200", "GH200", 98304, "gh200"),
    ],
)
def test_gpus_are_told_by_instance_type_name_and_memory(tmp_path: Path, machine: str, accelerator: str, memory: int, gpu: str) -> None:
    text = (
        f"InstanceType,AcceleratorName,AcceleratorCount,Price,Region,GpuInfo\n{machine},{accelerator},1,2.5,us-1,{about('x', 1, memory)}\n"
    )
    assert list(prices(tmp_path, "lambda/vms.csv", text).gpu) == [gpu]


def test_the_instance_types_say_whose_prices_these_are(tmp_path: Path) -> None:
    text = "InstanceType,AcceleratorName,AcceleratorCount,Price,Region\nStandard_NC40ads_H100_v5,H100,1,6.98,eastus\n"
    assert prices(tmp_path, "vms.csv", text).gpu["h100-nvl"][0].provider == "azure"
    said = refusal(tmp_path, "vms.csv", "InstanceType,AcceleratorName,AcceleratorCount,Price,Region\nbig,H100,1,6.98,us\n")
    assert said.startswith("vms.csv: whose prices these are is not known; name its folder or the file after the provider, as aws/vms.csv")


HEAD = "InstanceType,AcceleratorName,AcceleratorCount,Price,SpotPrice,Region\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("InstanceType,AcceleratorName,Price\np5.48xlarge,H100,55\n", "1: no column AcceleratorCount, Region of a SkyPilot catalogue"),
        (f"{HEAD}p5.48xlarge,H100,8,-55,,us-east-1\n", "2: Price: found '-55'; allowed: a plain number at least 0"),
        (f"{HEAD}p5.48xlarge,H100,8,NaN,,us-east-1\n", "2: Price: found 'NaN'; allowed: a plain number of USD an hour, or nothing"),
        (f"{HEAD}p5.48xlarge,H100,8,$55,,us-east-1\n", "2: Price: found '$55'"),
        (f"{HEAD}p5.48xlarge,H100,8,1e9,,us-east-1\n", "2: Price: found '1e9'"),
        (f"{HEAD}p5.48xlarge,H100,many,55,inf,us-east-1\n", "2: AcceleratorCount: found 'many'"),
        (f"{HEAD}p5.48xlarge,H100,NaN,55,,us-east-1\n", "2: AcceleratorCount: found 'NaN'; allowed: a number of GPUs"),
        (f"{HEAD}p2.xlarge,K80,1,0.9,,us-east-1\n", "no price of a GPU of the catalogue in 1 rows; rows of accelerators that are not in the catalogue: K80"),
        (f"{HEAD}p5.48xlarge,H100,8,0,0,us-east-1\n", "no price of a GPU of the catalogue in 1 rows; rows without a price or with a price of 0: 1"),
        (f"{HEAD}g6f.xlarge,L4,0.125,0.2,,us-east-1\n", "no price of a GPU of the catalogue in 1 rows; rows of shares of a GPU: 1"),
        (HEAD, "no price of a GPU of the catalogue in 0 rows"),
        ("gpu,usd\nh100,3\n", "1: found the columns gpu, usd; allowed: those of a SkyPilot catalogue (InstanceType, AcceleratorName"),
        ("<!DOCTYPE html><html></html>", "1: found a page of a web site"),
    ],
    ids=lambda part: part[-40:].strip(),
)  # fmt: skip
def test_a_wrong_table_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    assert f"aws/vms.csv:{said}" in refusal(tmp_path, "aws/vms.csv", text).replace("vms.csv: no", "vms.csv:no").replace(
        "vms.csv: found", "vms.csv:found"
    )


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    for content, said in [
        (gzip.compress(b"x"), "found a gzip file"),
        (b"PK\x03\x04tfplan", "found a zip archive"),
        (b"PAR1rest", "found a Parquet file"),
        (b"ok\nno\xff\xfe", "p.csv:2:3: not UTF-8 text (byte 0xff)"),
    ]:
        (tmp_path / "p.csv").write_bytes(content)
        with pytest.raises(InputError) as told:
            load_prices(tmp_path / "p.csv", CATALOG, "p.csv")
        assert said in str(told.value)
    with pytest.raises(InputError, match=r"q\.csv: no such file; did you mean 'p\.csv'\?"):
        load_prices(tmp_path / "q.csv", CATALOG, "q.csv")
    with pytest.raises(InputError, match="a folder; a file is needed"):
        load_prices(tmp_path, CATALOG, "d")


def test_our_own_prices_may_name_machines(tmp_path: Path) -> None:
    text = "machine:\n  p5.48xlarge:\n    - {provider: aws, purchase: reserved_3y, usd_per_machine_hour: 24}\n"
    book = PriceBook(TODAY, prices(tmp_path, "p.yaml", text), "p.yaml")
    hour = book.machine_price(CATALOG.machine("p5.48xlarge"), CATALOG.gpu("h100-sxm"), "reserved_3y")
    assert (hour.usd_per_gpu_hour, hour.negotiated, hour.source) == (3.0, True, "p.yaml")
    said = refusal(tmp_path, "p.yaml", text.replace("p5.48", "p5.49"))
    assert said.startswith("p.yaml:3:7: machine.\"p5.49xlarge\".0: unknown machine 'p5.49xlarge' of aws; did you mean 'p5.4xlarge'?")
    assert "allowed: api, gpu, machine" in refusal(tmp_path, "p.yaml", "by_address: {}\n")


def test_sim_check_knows_them(tmp_path: Path) -> None:
    book = PriceBook(TODAY)
    said = check_file(written(tmp_path, "aws/vms.csv", AWS), "vms.csv", CATALOG, book)
    assert said.startswith("prices, a SkyPilot catalogue, 2 GPUs\n  vms.csv: list prices of aws")
