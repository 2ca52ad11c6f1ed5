"""Memory of RDS and Aurora instance classes."""

import pytest
from moto.utilities.utils import load_resource

from kc_db.budget.instance_memory import max_connections_bound, memory_gib

# "Hardware specifications for DB instance classes", RDS and Aurora user guides.
PUBLISHED = {
    "db.t2.micro": 1,
    "db.t2.small": 2,
    "db.t2.medium": 4,
    "db.t2.2xlarge": 32,
    "db.t3.micro": 1,
    "db.t3.small": 2,
    "db.t3.medium": 4,
    "db.t3.large": 8,
    "db.t3.xlarge": 16,
    "db.t3.2xlarge": 32,
    "db.t4g.micro": 1,
    "db.t4g.small": 2,
    "db.t4g.medium": 4,
    "db.t4g.large": 8,
    "db.m3.medium": 3.75,
    "db.m3.large": 7.5,
    "db.m3.xlarge": 15,
    "db.m3.2xlarge": 30,
    "db.m4.large": 8,
    "db.m4.10xlarge": 160,
    "db.m4.16xlarge": 256,
    "db.m5.large": 8,
    "db.m5.24xlarge": 384,
    "db.m5d.4xlarge": 64,
    "db.m6g.large": 8,
    "db.m6g.8xlarge": 128,
    "db.m6gd.12xlarge": 192,
    "db.m6i.32xlarge": 512,
    "db.m7g.16xlarge": 256,
    "db.m7i.48xlarge": 768,
    "db.m8g.48xlarge": 768,
    "db.m8gd.xlarge": 16,
    "db.r3.large": 15.25,
    "db.r3.8xlarge": 244,
    "db.r4.large": 15.25,
    "db.r4.xlarge": 30.5,
    "db.r4.16xlarge": 488,
    "db.r5.large": 16,
    "db.r5.24xlarge": 768,
    "db.r5b.2xlarge": 64,
    "db.r6g.large": 16,
    "db.r6g.16xlarge": 512,
    "db.r6gd.4xlarge": 128,
    "db.r6i.32xlarge": 1024,
    "db.r6id.24xlarge": 768,
    "db.r7g.2xlarge": 64,
    "db.r7i.48xlarge": 1536,
    "db.r8g.48xlarge": 1536,
    "db.r8gd.8xlarge": 256,
    "db.x1.16xlarge": 976,
    "db.x1.32xlarge": 1952,
    "db.x1e.xlarge": 122,
    "db.x1e.32xlarge": 3904,
    "db.x2g.large": 32,
    "db.x2g.16xlarge": 1024,
    "db.x2idn.16xlarge": 1024,
    "db.x2idn.32xlarge": 2048,
    "db.x2iedn.xlarge": 128,
    "db.x2iedn.32xlarge": 4096,
    "db.x2iezn.2xlarge": 256,
    "db.x2iezn.6xlarge": 768,
    "db.x2iezn.12xlarge": 1536,
    "db.z1d.large": 16,
    "db.z1d.3xlarge": 96,
    "db.z1d.12xlarge": 384,
    "db.c6gd.medium": 2,
    "db.c6gd.large": 4,
    "db.c6gd.16xlarge": 128,
    "db.r5.large.tpc1.mem2x": 32,
    "db.r5.2xlarge.tpc2.mem8x": 512,
    "db.r5b.4xlarge.tpc2.mem2x": 256,
    "db.r5.12xlarge.tpc2": 384,
}


@pytest.mark.parametrize("instance_class", PUBLISHED)
def test_memory(instance_class: str) -> None:
    assert memory_gib(instance_class) == PUBLISHED[instance_class]


@pytest.mark.parametrize(
    "instance_class",
    [
        "db.serverless",
        "db.q7.large",
        "db.r6g",
        "r6g.large",
        "db.r6g.huge",
        "db.r6g.7xlarge",
        "db.r6g.micro",
        "db.t3.4xlarge",
        "db.m1.small",
        "db.r6g.large.fast",
        "",
    ],
)
def test_unknown_classes(instance_class: str) -> None:
    assert memory_gib(instance_class) is None


def test_agrees_with_ec2() -> None:
    """EC2 publishes the memory of the same hardware by API; moto ships the answer."""
    known = load_resource("ec2/resources/instance_types.json")
    compared = 0
    for name, facts in known.items():
        ours = memory_gib(f"db.{name}")
        if ours is None or name == "r3.large":  # EC2 says 15 GiB, RDS 15.25
            continue
        assert ours == facts["MemoryInfo"]["SizeInMiB"] / 1024, name
        compared += 1
    assert compared > 300


@pytest.mark.parametrize(("gib", "bound"), [(1, 112), (2, 225), (4, 450), (8, 901), (16, 1802), (64, 5000)])
def test_bound(gib: float, bound: int) -> None:
    assert max_connections_bound(gib) == bound


@pytest.mark.parametrize(
    ("instance_class", "seen"),
    [
        ("db.t2.small", 198),
        ("db.t2.medium", 413),
        ("db.t2.large", 856),
        ("db.m4.large", 856),
        ("db.r4.large", 1660),
        ("db.t3.small", 191),
    ],
)
def test_no_server_was_seen_above_the_bound(instance_class: str, seen: int) -> None:
    memory = memory_gib(instance_class)
    assert memory is not None
    assert seen <= max_connections_bound(memory) <= seen * 1.2
