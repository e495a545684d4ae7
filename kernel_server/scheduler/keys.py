"""Keys of the windows that a call counts in beside those of its kind."""

from __future__ import annotations

from kernel_server import reference

ACCOUNT = "account"
"""Account TRs, which the broker may refuse (-211) while it answers others."""


def of_condition(index: int, name: str) -> tuple[str, ...]:
    """The key of one condition: the broker takes one SendCondition a minute for each.

    >>> of_condition(3, "골든크로스")
    ('condition:3:골든크로스',)
    """
    return (f"condition:{index}:{name}",)


def of_tr(tr: reference.Tr) -> tuple[str, ...]:
    """The keys of a TR: ``account`` where it asks about an account.

    >>> of_tr(reference.tr("opw00018")), of_tr(reference.tr("opt10075")), of_tr(reference.tr("opt10081"))
    (('account',), ('account',), ())
    """
    asks = tr.kind == "account" or any(declared.name == "계좌번호" for declared in tr.inputs)
    return (ACCOUNT,) if asks else ()
