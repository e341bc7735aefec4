"""Reading a Terraform plan: which files are plans, what is kept of them, and that nothing secret is."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sim.errors import InputError
from sim.iac.terraform_plan import TerraformPlan, read_plan
from tests.made.terraform import plan, provider, resource, write

GPU = resource("aws_instance.gpu", {"instance_type": "p5.48xlarge", "availability_zone": "us-east-1a"})


def read(folder: Path, data: Any) -> TerraformPlan:
    return read_plan(write(folder, data), "plan.json")


def refusal(folder: Path, content: bytes | dict[str, Any] | list[Any], name: str = "plan.json") -> str:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(InputError) as error:
        read_plan(file, name)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"{name}")
    return str(error.value)


def test_what_a_plan_says_of_machines_is_kept(tmp_path: Path) -> None:
    found = read(tmp_path, plan(GPU, resource("aws_s3_bucket.b", {"bucket": "x"}), configuration=provider("aws", "eu-west-1")))
    (only,) = found.planned
    assert (only.address, only.type, only.name, only.provider) == ("aws_instance.gpu", "aws_instance", "gpu", "aws")
    assert only.text("instance_type") == "p5.48xlarge"
    assert only.action == "create"
    assert dict(found.found) == {"aws_instance": 1, "aws_s3_bucket": 1}
    assert found.prior == ()


@pytest.mark.parametrize("version", ["1.0", "1.2", "1.99", "1.2.3"])
def test_later_minor_versions_are_read(tmp_path: Path, version: str) -> None:
    assert read(tmp_path, plan(GPU, format_version=version)).planned


@pytest.mark.parametrize(("version", "terraform", "readable"), [("0.2", "1.0.7", True), ("0.1", "0.13.6", True), ("0.1", "0.12.31", False)])
def test_format_0_is_read_from_terraform_0_13_on(tmp_path: Path, version: str, terraform: str, readable: bool) -> None:
    data = plan(GPU, format_version=version, terraform_version=terraform)
    if readable:
        assert read(tmp_path, data).planned
    else:
        assert terraform in refusal(tmp_path, data)


@pytest.mark.parametrize("version", ["2.0", "0.1", "10.0", "", None, 1.2, "one", [1]])
def test_other_versions_are_refused_with_those_that_are_read(tmp_path: Path, version: Any) -> None:
    if version == 1.2:
        assert read(tmp_path, plan(GPU, format_version=version)).planned
        return
    told = refusal(tmp_path, plan(GPU, format_version=version, terraform_version=""))
    assert "format_version" in told and "1.x" in told


def test_a_binary_plan_says_how_to_get_its_json(tmp_path: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("tfplan", "x")
    assert "terraform show -json plan.bin" in refusal(tmp_path, held.getvalue(), "plan.bin")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"version": 4, "terraform_version": "1.9.8", "serial": 3, "lineage": "x", "resources": []}', "a state file"),
        (b'{"format_version": "1.0", "terraform_version": "1.9.8", "values": {"root_module": {}}}', "the state as JSON"),
        (b'resource "aws_instance" "gpu" {\n  instance_type = "p5.48xlarge"\n}\n', "Terraform's own language"),
        (b'# comment\n\nvariable "x" {}\n', "Terraform's own language"),
        (b'{"resource": {"aws_instance": {}}}', "Terraform's own language in JSON"),
        (b"Terraform will perform the following actions:\n\n  # aws_instance.gpu will be created\n", "as people read it"),
        (b'{"@level":"info","@message":"Terraform 1.9.8"}\n{"@level":"info"}\n', "the log of"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"[1, 2]", "a list"),
        (b'{"a": 1}', "no plan"),
        (b'{"format_version": "1.2",', "not JSON"),
        (b'{"format_version": "1.2", "x": NaN}', "a number that cannot be read"),
        (b'{"format_version": "1.2", "x": ' + b"9" * 5000 + b"}", "a number that cannot be read"),
        (b"\xff\xfe\x00\xd8\x00", "not text"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"format_version": "1.2"}', "planned_values: found nothing; allowed: an object"),
        (b'{"format_version": "1.2", "planned_values": []}', "planned_values: found a list; allowed: an object"),
        (b'{"format_version": "1.2", "planned_values": null}', "planned_values: found null; allowed: an object"),
        (b'{"format_version": null}', "format_version: found null; allowed: 1.0"),
        (b"null", "found null; a plan is an object"),
        (b'{"format_version": "1.2", "planned_values": {}, "resource_changes": 3}', "resource_changes"),
    ],
)
def test_what_is_no_plan_is_refused_in_one_line_with_what_to_do(tmp_path: Path, content: bytes, told: str) -> None:
    assert told in refusal(tmp_path, content)


def test_a_plan_that_failed_is_refused(tmp_path: Path) -> None:
    assert "errored: true" in refusal(tmp_path, plan(GPU, errored=True))


def test_a_plan_that_is_not_complete_says_so(tmp_path: Path) -> None:
    assert "not complete" in read(tmp_path, plan(GPU, complete=False)).notes[0]


def test_what_a_windows_shell_wrote_is_read(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(json.dumps(plan(GPU)).encode("utf-16"))
    assert read_plan(file).planned


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    write(tmp_path, plan(GPU))
    with pytest.raises(InputError, match=r"did you mean .plan\.json."):
        read_plan(tmp_path / "plan.jsn", "plan.jsn")
    with pytest.raises(InputError, match="a folder"):
        read_plan(tmp_path, "x")


def test_a_plan_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.iac.terraform_plan.MAX_BYTES", 2**20)
    assert "more than 1048576 bytes; at most that many are read" in refusal(tmp_path, b" " * (2**20 + 1))


def test_modules_are_read_and_modules_without_end_refused(tmp_path: Path) -> None:
    inner = {"resources": [{**plan(GPU)["planned_values"]["root_module"]["resources"][0], "address": 'module.a["x"].aws_instance.gpu[0]'}]}
    found = read(tmp_path, plan(modules=[{"child_modules": [inner]}]))
    (only,) = found.planned
    assert (only.base, only.index, only.module) == ('module.a["x"].aws_instance.gpu', "[0]", 'module.a["x"]')
    deep: dict[str, Any] = inner
    for _ in range(100):
        deep = {"child_modules": [deep]}
    assert "modules" in refusal(tmp_path, plan(modules=[deep]))


def test_what_was_there_before_is_that_of_the_state_or_else_of_the_changes(tmp_path: Path) -> None:
    before = resource("aws_instance.old", {"instance_type": "g5.xlarge"})
    with_state = read(tmp_path, plan(GPU, prior=(before,)))
    assert [each.address for each in with_state.resources("prior")] == ["aws_instance.old"]
    data = plan(GPU)
    data["resource_changes"].append(
        {
            "address": "aws_instance.old",
            "type": "aws_instance",
            "name": "old",
            "change": {"actions": ["delete"], "before": {"instance_type": "g5.xlarge"}, "after": None},
        }
    )
    (old,) = read(tmp_path, data).prior
    assert (old.address, old.text("instance_type"), old.action) == ("aws_instance.old", "g5.xlarge", "delete")


@pytest.mark.parametrize(
    ("configuration", "region"),
    [
        (provider("aws", "eu-west-1"), "eu-west-1"),
        ({"provider_config": {"aws": {"expressions": {"region": {"references": ["var.region"]}}}}}, "us-west-2"),
        ({"provider_config": {"aws": {"expressions": {"region": {"references": ["data.aws_region.x"]}}}}}, None),
        ({"provider_config": {"aws": {"expressions": {"region": {"constant_value": "x\x1b[2J"}}}}}, None),
    ],
)
def test_the_region_of_the_provider_is_found_through_variables(tmp_path: Path, configuration: dict[str, Any], region: str | None) -> None:
    configuration |= {"root_module": {"resources": [{"address": "aws_instance.gpu", "provider_config_key": "aws", "expressions": {}}]}}
    (only,) = read(tmp_path, plan(GPU, configuration=configuration, variables={"region": {"value": "us-west-2"}})).planned
    assert only.region == region


def test_a_sensitive_variable_is_not_followed(tmp_path: Path) -> None:
    configuration = {
        "provider_config": {"aws": {"expressions": {"region": {"references": ["var.region"]}}}},
        "root_module": {
            "resources": [{"address": "aws_instance.gpu", "provider_config_key": "aws"}],
            "variables": {"region": {"sensitive": True}},
        },
    }
    (only,) = read(tmp_path, plan(GPU, configuration=configuration, variables={"region": {"value": "us-west-2"}})).planned
    assert only.region is None


SECRET = "s3cr3t-hunter2"  # noqa: S105  (what must not be kept)


def test_nothing_secret_is_kept(tmp_path: Path) -> None:
    """Neither what is marked sensitive, nor attributes that hold secrets without a mark, nor the credentials of a provider."""
    values = {
        "instance_type": "p5.48xlarge", "user_data": SECRET, "password_data": SECRET, "tags": {"llm": SECRET, "note": SECRET, "model": "x"},
        "root_block_device": [{"volume_size": 100, "kms_key_id": SECRET, "volume_type": SECRET}], "availability_zone": SECRET,
        "metadata": {"startup": SECRET}, "connection": [{"password": SECRET}], "labels": {"team": "x", "sim-llm": SECRET},
    }  # fmt: skip
    mask = {"tags": {"llm": True}, "root_block_device": [{"volume_type": True}], "availability_zone": True, "labels": True}
    configuration = {
        "provider_config": {"aws": {"expressions": {"secret_key": {"constant_value": SECRET}, "region": {"constant_value": "us-east-1"}}}}
    }
    data = plan(
        resource("aws_instance.gpu", values, sensitive=mask), prior=(resource("aws_instance.old", values, sensitive=mask),),
        configuration=configuration, variables={"token": {"value": SECRET}}, output_changes={"x": {"after": SECRET}},
    )  # fmt: skip
    found = read(tmp_path, data)
    for each in (*found.planned, *found.prior):
        assert SECRET not in repr(each.values)
        assert SECRET not in repr(each.labels)
        assert each.text("instance_type") == "p5.48xlarge"
    # A mask may hide everything.
    (hidden,) = read(tmp_path, plan(resource("aws_instance.gpu", values, sensitive=True))).planned
    assert dict(hidden.values) == {}
    assert SECRET not in repr(found)


def test_a_mask_of_the_change_hides_as_that_of_the_values(tmp_path: Path) -> None:
    data = plan(GPU)
    data["resource_changes"][0]["change"]["after_sensitive"] = {"instance_type": True}
    (only,) = read(tmp_path, data).planned
    assert only.text("instance_type") == ""
    assert "sensitive" in only.missing("instance_type")
