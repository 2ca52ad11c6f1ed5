"""Memory of RDS and Aurora instance classes, and what it says of max_connections. Pure.

Each family has so many GiB per vCPU, and a size is a number of vCPUs; only the sizes of db.t are memory.
Sources: "Hardware specifications for DB instance classes" of the RDS and Aurora user guides,
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Summary.html, and EC2's
DescribeInstanceTypes for the families of the same name.
"""

import re
from math import floor

BYTES_PER_GIB = 2**30
# The formula of every default parameter group of PostgreSQL: LEAST({DBInstanceClassMemory/9531392},5000).
BYTES_PER_CONNECTION = 9_531_392
MOST_CONNECTIONS = 5000

# db.r5.2xlarge.tpc2.mem8x: threads per core, and memory as a multiple of db.r5.2xlarge's.
_CLASS = re.compile(
    r"db\.(?P<family>[a-z]+\d+[a-z]*)\.(?P<size>micro|small|medium|large|(?P<times>\d*)xlarge)"
    r"(?:\.tpc\d+)?(?:\.mem(?P<multiple>\d+)x)?"
)
# The first pattern that fits counts. Families of one letter share their memory per vCPU since m4 and r5.
_GIB_PER_VCPU = (
    (re.compile(r"m3"), 3.75),
    (re.compile(r"m[4-9][a-z]*"), 4.0),
    (re.compile(r"r[34]"), 7.625),
    (re.compile(r"r[5-9][a-z]*"), 8.0),
    (re.compile(r"c6gd"), 2.0),
    (re.compile(r"x1"), 15.25),
    (re.compile(r"x1e"), 30.5),
    (re.compile(r"x2g|x2gd|x2idn|x8g"), 16.0),
    (re.compile(r"x2iedn|x2iezn"), 32.0),
    (re.compile(r"z1d"), 8.0),
)
# Their sizes below large differ in memory, not in vCPUs.
_BURSTABLE = re.compile(r"t[234][a-z]*")
_BURSTABLE_GIB = {"micro": 1.0, "small": 2.0, "medium": 4.0, "large": 8.0, "xlarge": 16.0, "2xlarge": 32.0}
_VCPUS = {"medium": 1, "large": 2}
_VCPUS_PER_XLARGE = 4
_TIMES = frozenset({1, 2, 3, 4, 6, 8, 9, 10, 12, 16, 18, 24, 32, 48, 64, 96})


def memory_gib(instance_class: str) -> float | None:
    """Memory of an instance of this class, in GiB; None for an unknown class, and for db.serverless.

    Args:
        instance_class: as RDS names it: db.r6g.large, db.r5.2xlarge.tpc2.mem8x.
    """
    found = _CLASS.fullmatch(instance_class)
    if found is None:
        return None
    family, size = found["family"], found["size"]
    if _BURSTABLE.fullmatch(family):
        return _BURSTABLE_GIB.get(size)
    per_vcpu = next((gib for pattern, gib in _GIB_PER_VCPU if pattern.fullmatch(family)), None)
    vcpus = _vcpus(size, found["times"])
    if per_vcpu is None or vcpus is None:
        return None
    return vcpus * per_vcpu * int(found["multiple"] or 1)


def max_connections_bound(memory_gib: float) -> int:
    """At most so many connections does PostgreSQL's default parameter group grant on this much memory.

    An upper bound, not the value: DBInstanceClassMemory in LEAST({DBInstanceClassMemory/9531392},5000) is
    what the operating system and RDS's own processes leave of the memory. Servers were seen at 198 of 225
    (db.t2.small), 413 of 450 (db.t2.medium), 1660 of 1717 (db.r4.large).

    Sources: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.MaxConnections,
    https://gist.github.com/guizmaii/1cacffef793c2ba9645083c3e18b3d8c

    Args:
        memory_gib: all of the instance's memory, in GiB.
    """
    return min(floor(memory_gib * BYTES_PER_GIB / BYTES_PER_CONNECTION), MOST_CONNECTIONS)


def _vcpus(size: str, times: str | None) -> int | None:
    if times is None:
        return _VCPUS.get(size)
    number = int(times or 1)
    return number * _VCPUS_PER_XLARGE if number in _TIMES else None
