"""Session methods for 조건검색: the conditions that the user saved in 영웅문, and searches with them."""

from __future__ import annotations

import pandas as pd

from koalab.frames.fields import Columns
from koalab.inputs.arguments import flag
from koalab.loaders import condition_search
from koalab.sessions.core import check_columns
from koalab.sessions.market_data import MarketDataMethods


class ConditionSearchMethods(MarketDataMethods):
    """Conditions (조건식) and searches."""

    def conditions(self) -> pd.DataFrame:
        """The user's conditions (GetConditionLoad, GetConditionNameList), downloaded at each call. No TR.

        Returns:
            Index ``index`` (the broker's number, int64); ``name``.
        """
        found = condition_search.known_conditions(self._link, self._memo, reload=True)
        index = pd.Index(list(found), dtype="int64", name="index")
        frame = pd.DataFrame({"name": pd.array(list(found.values()), dtype="str")}, index=index)
        frame.attrs = self._attrs("GetConditionNameList", self._link.now())
        return frame

    def _known_conditions(self) -> list[str]:
        """Names of the conditions as they were last seen. No call, no wait."""
        return self._memo.get(condition_search.CONDITIONS) or []

    def screen(
        self, condition: str | int, *, info: bool = False, columns: Columns = "en", progress: bool = True
    ) -> pd.DataFrame:
        """The issues that fulfil a condition now (SendCondition, once).

        The broker allows one search a minute of each condition: a repeated one waits, with a bar that shows how
        long, and can be interrupted.

        Args:
            condition: name or number, from ``kw.conditions()``.
            info: with quotes (OPTKWFID), 100 codes a TR.
            columns: ``"en"`` or ``"ko"``.
            progress: show a bar when it takes longer than a second.

        Returns:
            Index ``code``, in the broker's order; ``name``, or the columns of ``kw.quotes``. ``attrs`` have
            ``condition`` and ``condition_index``; a search counts as a TR in ``trs``.

        Raises:
            UnknownCode: there is no such condition; its ``near`` holds similar names.
            NoAnswer: the broker refuses the search; the text has its message.
        """
        check_columns(columns)
        info = flag("info", info)
        index, name = condition_search.find(self._link, self._memo, condition)
        before = self._link.trs_here
        with self._progress(f"조건검색 {name}", progress) as shown:
            codes = condition_search.search(self._link, index, name, shown)
            fetched = self._link.now()
            if info:
                loaded = self._snapshots.quotes(codes, shown)
                frame = self._quotes_frame(codes, loaded, columns, self._link.trs_here - before)
            else:
                names = self._listing().names
                label = "name" if columns == "en" else "종목명"
                frame = pd.DataFrame(
                    {label: pd.array([names.get(code[:6], "") for code in codes], dtype="str")},
                    index=pd.Index(codes, dtype="str", name="code"),
                )
                frame.attrs = self._attrs("SendCondition", fetched, 0, self._link.trs_here - before)
        frame.attrs |= {"condition": name, "condition_index": index}
        return frame
