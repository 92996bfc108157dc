"""One participant in a DDS domain, and topics by their ROS names, with the QoS that drivers use."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, Literal, TypeVar

from cyclonedds.core import DDSException, InstanceState, ReadCondition, SampleState, ViewState, WaitSet
from cyclonedds.domain import Domain, DomainParticipant
from cyclonedds.pub import DataWriter
from cyclonedds.qos import Policy, Qos
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

from robots.ros2 import names

M = TypeVar("M")
Reliability = Literal["sensor", "reliable", "latched"]

BLOCKS_S = 0.1
"""How long a reliable writer may wait for room."""
_PLAIN_CDR = Policy.DataRepresentation(use_cdrv0_representation=True, use_xcdrv2_representation=False)


def profile(kind: Reliability, depth: int = 10) -> Any:
    """A QoS profile of ROS 2 (rmw/qos_profiles.h).

    sensor: best effort, as rmw_qos_profile_sensor_data: what is late is worthless. reliable: as the default profile,
    for commands and services. latched: transient local, as /tf_static and maps: whoever comes later gets the last one.
    """
    reliable = Policy.Reliability.Reliable(duration(seconds=BLOCKS_S))
    policies = {
        "sensor": (Policy.Reliability.BestEffort, Policy.Durability.Volatile),
        "reliable": (reliable, Policy.Durability.Volatile),
        "latched": (reliable, Policy.Durability.TransientLocal),
    }
    return Qos(*policies[kind], Policy.History.KeepLast(depth), _PLAIN_CDR)


class NetworkError(RuntimeError):
    """The domain can't be joined; the message is one line."""


class Node:
    """A participant. network: "local" for this machine alone, "any", or the name of a network interface."""

    def __init__(self, *, domain: int = 0, network: str = "local") -> None:
        if not 0 <= domain <= 232:
            raise NetworkError(f"a ROS domain id is 0 to 232, not {domain}")
        try:
            self._domain = _domain(domain, network)
            self._participant = DomainParticipant(domain)
        except DDSException as e:
            reason = " ".join(str(e).split())
            raise NetworkError(f"can't join ROS domain {domain} on network={network}: {reason}") from e
        self._topics: dict[str, Any] = {}
        self._closed = False

    def publisher(self, topic: str, kind: type[M], quality: Reliability, *, depth: int = 10) -> Publisher[M]:
        """A writer of a ROS topic."""
        return Publisher(self, names.topic(topic), kind, profile(quality, depth))

    def subscription(self, topic: str, kind: type[M], quality: Reliability, *, depth: int = 10) -> Subscription[M]:
        """A reader of a ROS topic."""
        return Subscription(self, names.topic(topic), kind, profile(quality, depth))

    def topic(self, name: str, kind: type[Any]) -> Any:
        """The DDS topic of that (mangled) name; one a participant."""
        if name not in self._topics:
            self._topics[name] = Topic(self._participant, name, kind)
        return self._topics[name]

    @property
    def participant(self) -> Any:
        """cyclonedds' own."""
        return self._participant

    def close(self) -> None:
        """Leaves the domain; everything that was opened here is closed. May be called twice."""
        if not self._closed:
            self._closed = True
            self._topics.clear()
            # cyclonedds leaves when nobody holds on to anything any more; what is held on to here must not keep us in.
            self._participant.__del__()

    def __enter__(self) -> Node:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Publisher(Generic[M]):
    """Writes one topic. `count`: messages so far."""

    def __init__(self, node: Node, name: str, kind: type[M], qos: Any) -> None:
        self._writer = DataWriter(node.participant, node.topic(name, kind), qos=qos)
        self.count = 0

    def send(self, message: M) -> None:
        self.count += 1
        self._writer.write(message)

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return len(self._writer.get_matched_subscriptions()) > 0


class Subscription(Generic[M]):
    """Reads one topic. `count`: messages so far."""

    def __init__(self, node: Node, name: str, kind: type[M], qos: Any) -> None:
        self._depth = 64
        self._reader = DataReader(node.participant, node.topic(name, kind), qos=qos)
        self._condition = ReadCondition(self._reader, SampleState.Any | ViewState.Any | InstanceState.Any)
        self._waits = WaitSet(node.participant)
        self._waits.attach(self._condition)
        self.count = 0

    def take(self) -> list[M]:
        """What has come since the last time, oldest first; what is no message of this type is dropped."""
        try:
            taken = self._reader.take(N=self._depth)
        except (DDSException, ValueError, UnicodeDecodeError):
            return []
        found = [m for m in taken if isinstance(m, self._reader.topic.data_type)]
        self.count += len(found)
        return found

    def wait(self, seconds: float) -> bool:
        """Whether something has come, after at most `seconds` of the wall clock."""
        return bool(self._waits.wait(duration(seconds=max(seconds, 1e-6))))

    @property
    def spoken(self) -> bool:
        """Whether anybody writes."""
        return len(self._reader.get_matched_publications()) > 0


def wait_for(what: Callable[[], bool], seconds: float) -> bool:
    """Whether it comes true within `seconds` of the wall clock."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


_domains: dict[int, tuple[str, Any]] = {}


def _domain(number: int, network: str) -> Any:
    """The domain with its configuration, made once a process: cyclonedds keeps it for as long as somebody is in it."""
    if number in _domains and _domains[number][0] != network:
        was = _domains[number][0]
        raise NetworkError(f"this process is in ROS domain {number} on network={was} already, not {network}")
    if number not in _domains:
        if network == "local":
            here = '<NetworkInterface address="127.0.0.1" multicast="false"/>'
            general = f"<Interfaces>{here}</Interfaces><AllowMulticast>false</AllowMulticast>"
            found = '<Peers><Peer address="127.0.0.1"/></Peers>'
        elif network == "any":
            general, found = "", ""
        else:
            general, found = f'<Interfaces><NetworkInterface name="{network}"/></Interfaces>', ""
        made = Domain(
            number,
            f"<CycloneDDS><Domain><General>{general}</General><Discovery>{found}<ParticipantIndex>auto</ParticipantIndex>"
            "<MaxAutoParticipantIndex>99</MaxAutoParticipantIndex></Discovery></Domain></CycloneDDS>",
        )
        _domains[number] = (network, made)
    return _domains[number][1]
