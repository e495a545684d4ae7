"""Events as messages of the wire."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kernel_server import reference
from kernel_server.streams import event_codec
from kernel_server.streams.event_codec import Options
from kernel_server.streams.realtime import RealEvent

TYPES = st.sampled_from([*reference.realtypes(), "없는 종류"])
VALUES = st.lists(
    st.text(st.characters(exclude_characters="\t", exclude_categories=["Cs"]), max_size=20), max_size=110
)
OPTIONS = st.builds(
    Options,
    st.lists(st.sampled_from([10, 20, 41, 822, 9001]), max_size=5).map(tuple),
    st.booleans(),
    st.booleans(),
)


@given(TYPES, VALUES, OPTIONS)
def test_a_serialized_event_is_the_message_itself(realtype: str, values: list[str], options: Options) -> None:
    event = RealEvent("005930", realtype, "\t".join(values), 0.0)
    whole = event_codec.real(event, options)
    assert event_codec.Response.FromString(event_codec.real_bytes(event, options)) == whole
    assert len(whole.single_data.names) == len(whole.single_data.values)
