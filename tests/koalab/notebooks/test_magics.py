"""The magics, in a real IPython shell and in a notebook, over a real server with the simulated broker."""

from __future__ import annotations
from tests.support.cache_folder import with_calendar

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

import koalab as kl
from koalab import magics
from koalab.command_parser import commands, split, split_at_cursor
from tests.support.waiting import HANGS_AFTER


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOALAB_CACHE_DIR", str(with_calendar(tmp_path / "cache")))
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def online(market: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody says otherwise, sessions are with the test's server."""
    monkeypatch.setenv("KOALAB_TARGET", market.server.address)


@pytest.fixture(scope="module")
def ipython(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        found = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        found.run_line_magic("load_ext", "koalab")
        yield found
        InteractiveShell.clear_instance()


@pytest.fixture
def shell(ipython: InteractiveShell) -> Iterator[InteractiveShell]:
    """A shell with the extension, as after loading it."""
    yield ipython
    loaded = magics.register(ipython)
    loaded.__dict__.pop("_names", None)
    for name, trait in loaded.traits(config=True).items():
        setattr(loaded, name, trait.default_value)


@pytest.fixture
def kiwoom(shell: InteractiveShell, online: None) -> Callable[[str], Any]:
    """``%kiwoom`` with that line."""
    return lambda line: shell.run_line_magic("kiwoom", line)


@pytest.fixture
def kiwoom_cell(shell: InteractiveShell, online: None) -> Callable[[str, str], Any]:
    """``%%kiwoom`` with that first line and that body."""
    return lambda line, body: shell.run_cell_magic("kiwoom", line, body)


# -- lines


def test_a_line_gives_what_the_method_gives(kiwoom: Callable[[str], Any], kw: kl.Session) -> None:
    found = kiwoom("daily 005930 --start 2026-11-02 --end 2026-11-13")

    pd.testing.assert_frame_equal(found, kw.daily("005930", "2026-11-02", "2026-11-13"))
    assert len(found) == 10


def test_options_are_those_of_the_method(kiwoom: Callable[[str], Any]) -> None:
    raw = kiwoom("daily 005930 --start 2026-11-16 --raw --columns ko")
    minutes = kiwoom('minute 삼성전자 --interval 30 --start "2026-11-20 09:00" --end "2026-11-20 10:30"')
    weeks = kiwoom("bars 005930 --interval W --start 2026-10-01")

    assert raw.attrs["adjusted"] is False
    assert list(raw.columns) == ["시가", "고가", "저가", "현재가", "거래량", "거래대금"]
    assert [f"{moment:%H:%M}" for moment in minutes.index] == ["09:00", "09:30", "10:00", "10:30"]
    assert weeks.attrs["interval"] == "W"


def test_several_codes_give_a_level_of_codes(kiwoom: Callable[[str], Any], shell: InteractiveShell) -> None:
    shell.user_ns["codes"] = ["005930", "000660"]

    several = kiwoom("daily 005930 000660 --start 2026-11-16")

    assert several.index.names == ["code", "date"]
    assert list(several.index.unique(0)) == ["005930", "000660"]
    shell.run_cell("same = %kiwoom daily {codes} --start 2026-11-16")
    pd.testing.assert_frame_equal(shell.user_ns["same"], several)


def test_a_list_of_one_is_a_list(kiwoom: Callable[[str], Any]) -> None:
    assert kiwoom("daily ['005930'] --start 2026-11-16").index.names == ["code", "date"]


def test_a_name_with_blanks_is_quoted(kiwoom: Callable[[str], Any]) -> None:
    name, code = _name_with_a_blank()

    assert kiwoom(f'info "{name}"')["code"] == code


def test_info_is_a_series_for_one_and_a_frame_for_several(kiwoom: Callable[[str], Any]) -> None:
    assert kiwoom("info 삼성전자")["code"] == "005930"
    assert list(kiwoom("info 005930 000660").index) == ["005930", "000660"]


def test_the_listing_and_quotes(kiwoom: Callable[[str], Any]) -> None:
    assert "005930" in kiwoom("codes KOSPI").index
    assert kiwoom("find 삼성").name.str.contains("삼성").all()
    assert list(kiwoom("quotes 005930 000660").index) == ["005930", "000660"]


def test_any_tr_with_inputs_by_kiwooms_names(kiwoom: Callable[[str], Any]) -> None:
    answer = kiwoom("tr opt10081 종목코드=005930 수정주가구분=1 --pages 1")

    assert (answer.tr, len(answer.pages), len(answer.multi)) == ("opt10081", 1, 600)


def test_status_is_one_series(kiwoom: Callable[[str], Any], market: Any) -> None:
    status = kiwoom("status")

    assert status["server.target"] == market.server.address
    assert status["quota.tr 1s"].endswith("of 5")


def test_the_reference_needs_no_session(kiwoom: Callable[[str], Any], shell: InteractiveShell) -> None:
    fields = kiwoom("reference tr opt10081")

    assert list(fields.loc["input", "name"]) == ["종목코드", "수정주가구분"]
    assert fields.attrs["rows_per_page"] == 600
    assert kiwoom("reference error -200")["message"] == "시세조회 과부하"
    assert kiwoom("reference fid 10").loc[10, "name"] == "현재가"
    assert kiwoom("reference realtype 주식체결").index[0] == 20
    assert "opt10081" in kiwoom("reference tr 일봉").index
    with pytest.raises(kl.NotConnected):
        kl.session()


def test_the_cache(kiwoom: Callable[[str], Any], tmp_path: Path) -> None:
    kiwoom("daily 005930 --start 2026-11-02")

    assert list(kiwoom("cache info").code) == ["005930"]
    assert kiwoom("cache verify") == []
    assert [file.name for file in kiwoom(f"cache export '{tmp_path / 'out'}'")] == ["bars.parquet"]
    with pytest.raises(kl.BadInput, match="--all"):
        kiwoom("cache clear")
    with pytest.raises(kl.BadInput, match="codes, not names"):
        kiwoom("cache clear --code 삼성전자")
    assert kiwoom("cache clear --code 005930") == 1
    assert kiwoom("cache clear --all") == 0


def test_a_semicolon_keeps_the_value_to_itself(kiwoom: Callable[[str], Any]) -> None:
    assert kiwoom("info 005930;") is None


def test_what_follows_a_hash_is_a_comment(kiwoom: Callable[[str], Any]) -> None:
    assert kiwoom("info 005930  # 삼성전자")["code"] == "005930"


# -- the session


def test_one_session_serves_all_lines_and_user_code(
    kiwoom: Callable[[str], Any], shell: InteractiveShell
) -> None:
    kiwoom("info 005930")
    session = kl.session()

    assert kiwoom("login") is session
    assert kl.session() is session


def test_connect_takes_the_place_of_the_session_before(
    kiwoom: Callable[[str], Any], market: Any, tmp_path: Path
) -> None:
    secret = tmp_path / "token"
    secret.write_text("not-needed-there")
    secret.chmod(0o600)
    before = kiwoom("connect")

    after = kiwoom(f"connect {market.server.address} --token {secret}")

    assert kl.session() is after
    assert after.status()["server"]["target"] == market.server.address
    with pytest.raises(kl.NotConnected, match="closed"):
        before.status()


def test_a_session_stays_where_another_cannot_be_had(
    kiwoom: Callable[[str], Any], shell: InteractiveShell
) -> None:
    before = kiwoom("connect")

    with pytest.raises(kl.BadInput):
        kiwoom("connect not/a/target")

    assert kl.session() is before
    assert before.status()["trs"] == 0


def test_connect_and_the_magics_share_one_session(
    kiwoom: Callable[[str], Any], shell: InteractiveShell
) -> None:
    kw = kl.connect()

    assert kiwoom("login") is kw
    assert kiwoom("connect") is kw
    with kl.connect() as same:
        assert same is kw
    assert kiwoom("login") is kw
    kw.close()
    assert kl.connect() is kiwoom("login")


def test_the_target_can_be_configured(
    kiwoom: Callable[[str], Any], shell: InteractiveShell, market: Any
) -> None:
    shell.run_line_magic("config", "KiwoomMagics.target = 'not/a/target'")
    with pytest.raises(kl.BadInput, match="not/a/target"):
        kiwoom("status")

    shell.run_line_magic("config", f"KiwoomMagics.target = {market.server.address!r}")
    assert kiwoom("status")["server.target"] == market.server.address


def test_columns_can_be_configured_and_said(kiwoom: Callable[[str], Any], shell: InteractiveShell) -> None:
    shell.run_line_magic("config", "KiwoomMagics.columns = 'ko'")

    assert "시가" in kiwoom("daily 005930 --start 2026-11-16").columns
    assert "open" in kiwoom("daily 005930 --start 2026-11-16 --columns en").columns


def test_loading_again_changes_nothing(kiwoom: Callable[[str], Any], shell: InteractiveShell) -> None:
    session = kiwoom("connect")

    shell.run_line_magic("reload_ext", "koalab")
    magics.register(shell)

    assert kl.session() is session
    assert sum(isinstance(one, magics.KiwoomMagics) for one in shell.configurables) == 1
    assert shell.Completer.custom_matchers == [magics.register(shell).complete]


# -- help


def test_alone_it_tells_how_things_stand_without_connecting(
    kiwoom: Callable[[str], Any], shell: InteractiveShell, capsys: pytest.CaptureFixture[str], market: Any
) -> None:
    assert kiwoom("") is None
    said = capsys.readouterr().out

    assert f"not connected yet: the first command connects to {market.server.address}" in said
    assert all(f"\n  {name} " in said for name in ("connect", "daily", "tr", "cache", "reference"))
    with pytest.raises(kl.NotConnected):
        kl.session()

    kiwoom("connect")
    kiwoom("")
    assert capsys.readouterr().out.startswith(f"<koalab {market.server.address}")


@pytest.mark.parametrize("line", ["help daily", "daily --help"])
def test_help_is_printed_and_gives_nothing(
    line: str, kiwoom: Callable[[str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert kiwoom(line) is None
    said = capsys.readouterr().out
    assert said.startswith("Usage: %kiwoom daily [OPTIONS] CODE...")
    assert "opt10081" in said


# -- cells


def test_a_cell_runs_its_commands_and_gives_the_last_ones_value(
    shell: InteractiveShell, kiwoom_cell: Callable[[str, str], Any]
) -> None:
    body = "# two issues\ninfo 005930\n\ndaily 000660 --start 2026-11-16  # the last one counts\n"

    shown = kiwoom_cell("", body)
    stored = kiwoom_cell("df", body)

    assert stored is None
    pd.testing.assert_frame_equal(shell.user_ns["df"], shown)
    assert shown.attrs["tr"] == "opt10081"


def test_a_cell_takes_a_trs_inputs_one_a_line(
    shell: InteractiveShell, kiwoom_cell: Callable[[str, str], Any]
) -> None:
    shell.user_ns["code"] = "005930"

    kiwoom_cell("answer", "tr opt10081\n종목코드={code}\n수정주가구분=1\n--pages 1\n")

    assert shell.user_ns["answer"].multi["종목코드"].iloc[0] == "005930"


def test_a_cell_that_fails_names_the_line_and_leaves_the_variable_alone(
    shell: InteractiveShell, kiwoom_cell: Callable[[str, str], Any]
) -> None:
    shell.user_ns["df"] = "before"

    with pytest.raises(kl.UnknownCode) as failed:
        kiwoom_cell("df", "info 005930\ninfo 없는종목\ninfo 000660\n")

    assert failed.value.__notes__ == ["in: info 없는종목"]
    assert shell.user_ns["df"] == "before"


def test_a_cell_takes_one_variable(kiwoom_cell: Callable[[str, str], Any]) -> None:
    with pytest.raises(kl.BadInput, match="one variable"):
        kiwoom_cell("daily 005930", "info 005930")


# -- errors


@pytest.mark.parametrize(
    ("line", "kind", "says"),
    [
        ("dayly 005930", kl.BadInput, "Did you mean 'daily'"),
        ("daily 005930 --strat 2024-01-01", kl.BadInput, "--start"),
        ("daily", kl.BadInput, "%kiwoom help daily"),
        ("daily 삼성전지", kl.UnknownCode, "삼성전자"),
        ("daily 005930 --start 내일", kl.BadInput, "2026-11-02"),
        ("daily 'KODEX 200", kl.BadInput, "quote is not closed"),
        ("tr opt10001 005930", kl.BadInput, "NAME=VALUE"),
        ("tr opt10001 종목코드=1 종목코드=2", kl.BadInput, "given twice"),
        ("tr opt10001 종목코드=005930 pages=2", kl.BadInput, "--pages"),
        ("tr opt99999", kl.BadInput, "opt99999"),
        ("reference tr nothing", kl.BadInput, "no TR"),
        ("holdings", kl.BadInput, "No such command 'holdings'"),
    ],
)
def test_what_cannot_be_is_an_error_that_says_what_can(
    line: str, kind: type[Exception], says: str, kiwoom: Callable[[str], Any]
) -> None:
    with pytest.raises(kind) as failed:
        kiwoom(line)
    assert says in str(failed.value)


def test_an_error_is_one_line_and_the_cell_fails(
    shell: InteractiveShell, online: None, capsys: pytest.CaptureFixture[str]
) -> None:
    result = shell.run_cell("%kiwoom info 없는종목")

    assert isinstance(result.error_in_exec, kl.UnknownCode)
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 1
    assert "UnknownCode" in lines[0]
    assert "없는종목" in lines[0]


def test_the_traceback_is_there_for_who_wants_it(
    shell: InteractiveShell, online: None, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_line_magic("config", "KiwoomMagics.short_errors = False")

    result = shell.run_cell("%kiwoom info 없는종목")

    assert isinstance(result.error_in_exec, kl.UnknownCode)
    assert "Traceback" in capsys.readouterr().out


# -- completion


def _completions(shell: InteractiveShell, text: str) -> list[str]:
    """The cell's text with each completion put in at its end."""
    with provisionalcompleter():
        return [text[: one.start] + one.text for one in shell.Completer.completions(text, len(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%kiwoom dai", "%kiwoom daily"),
        ("df = %kiwoom mi", "df = %kiwoom minute"),
        ("%kiwoom daily 005930 --sta", "%kiwoom daily 005930 --start"),
        ("%kiwoom daily 005930 --columns k", "%kiwoom daily 005930 --columns ko"),
        ("%kiwoom bars 005930 --interval 30t", "%kiwoom bars 005930 --interval 30tick"),
        ("%kiwoom codes kos", "%kiwoom codes KOSDAQ"),
        ("%kiwoom tr opt1008", "%kiwoom tr opt10081"),
        ("%kiwoom tr 주식일봉", "%kiwoom tr opt10081"),
        ("%kiwoom tr opt10081 ", "%kiwoom tr opt10081 종목코드="),
        ("%kiwoom tr opt10081 종목코드=005930 수정", "%kiwoom tr opt10081 종목코드=005930 수정주가구분="),
        ("%kiwoom reference realtype 주식체", "%kiwoom reference realtype 주식체결"),
        ("%kiwoom cache ver", "%kiwoom cache verify"),
        ("%kiwoom help dai", "%kiwoom help daily"),
        ("%%kiwoom df\nfi", "%%kiwoom df\nfind"),
        ("%%kiwoom df\ntr opt10081\n종목", "%%kiwoom df\ntr opt10081\n종목코드="),
    ],
)
def test_completion_knows_commands_options_and_trs(text: str, expected: str, shell: InteractiveShell) -> None:
    assert expected in _completions(shell, text)


def test_an_input_that_is_given_is_not_offered_again(shell: InteractiveShell) -> None:
    offered = _completions(shell, "%kiwoom tr opt10081 종목코드=005930 ")

    assert [one.split()[-1] for one in offered] == ["기준일자=", "수정주가구분="]


def test_completion_never_connects(shell: InteractiveShell) -> None:
    assert not any("005930" in one for one in _completions(shell, "%kiwoom daily 0059"))
    with pytest.raises(kl.NotConnected):
        kl.session()


@pytest.mark.parametrize("text", ["%kiwoom daily ", "%kiwoom daily 삼성", "%%kiwoom df\ninfo "])
def test_a_line_of_which_nothing_is_known_is_not_completed_as_python(text: str, shell: InteractiveShell) -> None:
    assert _completions(shell, text) == [text]


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("kl.", kl.__all__),
        ("kl.calendar.", ["hours", "is_open", "next_open", "sessions"]),
        ("kl.reference.", kl.reference.__all__),
        ("kw.cache.", ["clear", "export", "info", "verify"]),
    ],
)
def test_completion_offers_public_names_only(
    text: str, offered: list[str], shell: InteractiveShell, kw: kl.Session
) -> None:
    shell.user_ns.update(kl=kl, kw=kw)

    found = {one.removeprefix(text) for one in _completions(shell, text)}

    assert found == {name for name in offered if not name.startswith("_")}


def test_completion_of_a_session_offers_what_the_guide_has(shell: InteractiveShell, kw: kl.Session) -> None:
    shell.user_ns["kw"] = kw

    found = {one.removeprefix("kw.") for one in _completions(shell, "kw.")}

    assert {"daily", "cache", "close", "closed", "status"} <= found
    assert not {"share", "serves_its_source"} & found


def test_larger_issues_come_first_once_the_listing_is_in_the_cache(
    kw: kl.Session,
) -> None:
    names = kw.names()
    # As GetCodeListByMarket of the real broker: by code, not by size.
    listing = kw._listing()
    listing.names = dict(sorted(names.items()))
    rows = {code: ["", "1", "1", "", ""] for code in names}
    rows["005930"][1], rows["009150"][1] = "5969782550", "74693696"
    kw._memo.put("listing-details", {"day": f"{kl.calendar.next_open():%Y-%m-%d}", "rows": rows})
    assert next(iter(kw._names_by_size())) == min(names)  # those are another day's

    day = kw.status()["now"][:10]
    kw._memo.put("listing-details", {"day": day, "at": 0.0, "rows": rows})

    assert list(kw._names_by_size().values())[:2] == ["삼성전자", "삼성전기"]


def test_completion_knows_codes_and_names_of_a_session(
    kiwoom: Callable[[str], Any], shell: InteractiveShell
) -> None:
    name, _ = _name_with_a_blank()
    _completions(shell, "%kiwoom daily ")  # the first time sets off fetching, and does not wait for it
    fetching = magics.register(shell)._names.fetching
    assert fetching is not None
    fetching.join()

    assert "%kiwoom daily 005930" in _completions(shell, "%kiwoom daily 0059")
    assert _completions(shell, "%kiwoom daily 삼성")[0].startswith("%kiwoom daily 삼성")
    assert "%kiwoom daily 000660 삼성전자" in _completions(shell, "%kiwoom daily 000660 삼성전")
    assert "%kiwoom tr opt10001 종목코드=005930" in _completions(shell, "%kiwoom tr opt10001 종목코드=0059")
    first_word = name.split()[0]
    assert f'%kiwoom info "{name}"' in _completions(shell, f'%kiwoom info "{first_word} ')


def test_python_is_completed_as_ever(shell: InteractiveShell) -> None:
    shell.user_ns["somewhere"] = 1

    assert "somewhere" in _completions(shell, "some")
    assert "x = 1\nsomewhere" in _completions(shell, "x = 1\nsome")


# -- the words of a line


def test_words() -> None:
    assert split(r'export C:\data "two words" it#s # comment') == ["export", r"C:\data", "two words", "it#s"]
    assert commands("tr opt10001\n종목명=KODEX 200\n종목코드=1 구분=2\nfind a=b") == [
        ["tr", "opt10001", "종목명=KODEX 200", "종목코드=1", "구분=2"],
        ["find", "a=b"],
    ]
    assert split_at_cursor('info "삼성전자" 종목="KODEX 2') == (["info", "삼성전자"], '종목="KODEX 2')


# -- a notebook


async def test_a_notebook_runs_until_the_first_error(online: None) -> None:
    cells = [
        "%load_ext koalab",
        "df = %kiwoom daily 005930 --start 2026-11-16\nprint(len(df))",
        "%kiwoom info 없는종목",
        "print('never')",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
    client = NotebookClient(notebook, kernel_name="python3", timeout=HANGS_AFTER)

    async with client.async_setup_kernel():
        await client.async_execute_cell(notebook.cells[0], 0)
        first = await client.kc.complete("%kiwoom ", reply=True, timeout=HANGS_AFTER)  # before any command
        await client.async_execute_cell(notebook.cells[1], 1)
        with pytest.raises(CellExecutionError, match="UnknownCode"):
            await client.async_execute_cell(notebook.cells[2], 2)
        reply = await client.kc.complete("%kiwoom daily 005930 --st", reply=True, timeout=HANGS_AFTER)
        matches = list(reply["content"]["matches"])

    assert first["content"]["matches"][:4] == ["connect", "login", "status", "daily"]
    assert notebook.cells[1].outputs[0].text == "5\n"
    (failure,) = notebook.cells[2].outputs
    assert failure.output_type == "error"
    assert len(failure.traceback) == 1
    assert "없는종목" in failure.traceback[0]
    assert matches == ["--start"]


def _name_with_a_blank() -> tuple[str, str]:
    names = kl.connect()._listing().names
    return next((name, code) for code, name in names.items() if " " in name)
