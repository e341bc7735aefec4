"""What an API charges for amounts of tokens and requests, in any shape: a cell of a replay, or [F, M] futures x months."""

from __future__ import annotations

from sim.cost.amount import Amount, FloatArray, product


def tokens_usd(*, tokens: Amount, usd_per_token: Amount | None, factor: Amount = 1.0, what: str = "tokens") -> FloatArray:
    """Tokens of one kind and price tier x USD a token x factor on the price; `what` names them where the price is not known."""
    return product(quantity=tokens, usd=usd_per_token, what=what, factor=factor)


def requests_usd(*, requests: Amount, usd_per_request: Amount | None, factor: Amount = 1.0, what: str = "a request") -> FloatArray:
    """Admitted requests x USD a request x factor on the price."""
    return product(quantity=requests, usd=usd_per_request, what=what, factor=factor)
