# SPDX-License-Identifier: Apache-2.0
"""`policy` of the configuration (agent/config.py): rules beside the built-in ones (docs/policy.md)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from agent.configtypes import Text, about, words

RULES_MAX = 64  # above what a person can still oversee; each costs 0.2 us in the decisions it may concern
WHO_MAX = 16  # subjects or actions of one rule
RESOURCES_MAX = 32  # of one rule
NETWORKS_MAX = 16  # of one rule
RULE_WORDS = words("1 to 40 small letters, digits and '-'", "write a short name, e.g. metrics-from-lan")

RuleName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", extra=RULE_WORDS)]


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """One rule. It matches who asks, what for and on what; each list needs one entry that does."""

    name: Annotated[RuleName, about("Its name in explanations and metrics.")]
    effect: Annotated[Literal["allow", "deny"], about("Deny wins over every allow.")]
    subjects: Annotated[
        Annotated[tuple[Text, ...], Meta(max_length=WHO_MAX)],
        about("Who: a kind (docs/policy.md), role:NAME, spiffe://MESH/node/NAME or its beginning and *, *."),
    ]
    actions: Annotated[
        Annotated[tuple[Text, ...], Meta(max_length=WHO_MAX)],
        about("What for: an action (docs/policy.md), GROUP.*, or *."),
    ]
    resources: Annotated[
        Annotated[tuple[Text, ...], Meta(max_length=RESOURCES_MAX)],
        about("On what: as the action names it, or its beginning and *; !X leaves X out."),
    ] = ("*",)
    networks: Annotated[
        Annotated[tuple[Text, ...], Meta(max_length=NETWORKS_MAX)],
        about("Only for clients of the page from there, ADDRESS/PREFIX; !X leaves X out. Empty: everywhere."),
    ] = ()
    svid: Annotated[
        Literal["any", "valid", "lapsed"],
        about("Only for nodes whose SVID is within its life (valid), or is not, or cannot be judged."),
    ] = "any"
    why: Annotated[str, Meta(max_length=200), about("The reason, for who is refused or reads the table.")] = (
        ""
    )


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may do what, beside the built-in table."""

    rules: Annotated[
        Annotated[tuple[Rule, ...], Meta(max_length=RULES_MAX)], about("In any order: deny wins.")
    ] = ()
