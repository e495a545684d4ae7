"""TRs with their pages."""

from __future__ import annotations

from tests.conformance.transcript import Transcript
from tests.support.koapy_client import KoapyClient


def test_a_single_block_arrives_whole(client: KoapyClient, said: Transcript) -> None:
    (answer,) = client.transaction("opt10001", {"종목코드": "005930"})
    said.message(answer)
    assert any("삼성전자" in line for line in said.lines)
