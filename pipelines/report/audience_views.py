"""Views: what the page's templates show of channels, countries, shared addresses and users."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from pipelines.report.outcome_names import name_outcome
from pipelines.report.page_data import PageData
from pipelines.report.page_views import colour_of
from pipelines.report.profile import AudienceCount
from pipelines.report.showing import Shown, show_name, show_value
from schemas.codes import country_labels
from schemas.outcomes import TO_FIX, Outcome

MOST_GROUPS = 300
"""Channels or countries shown: the world has some 250, and data can name more."""


@dataclass(frozen=True, slots=True)
class GroupView:
    """The endpoints of one channel or country."""

    name: str
    endpoints: int
    valid: int
    """Those that break no rule, and were not refused."""
    outcomes: list[tuple[str, str, int]]
    """Name, colour and endpoints of each outcome that there is in any group."""

    @property
    def parts(self) -> tuple[str, list[tuple[str, int]]]:
        """The same for the chart: the name, and the endpoints of each colour."""
        return self.name, [(colour, endpoints) for _, colour, endpoints in self.outcomes]


def view_channels(data: PageData) -> list[GroupView]:
    """View the channels, most endpoints first."""
    return _group(data, lambda count: show_name(count.channel or "no channel"))


def view_countries(data: PageData) -> list[GroupView]:
    """View the countries, most endpoints first."""
    names = country_labels() if any(count.country for count in data.profile.audience) else {}

    def name(count: AudienceCount) -> str:
        if count.country is None:
            return "unknown"
        return names.get(count.country, show_name(count.country))

    return _group(data, name)


def view_shared(data: PageData, *, show_addresses: bool) -> list[tuple[str, Shown, int]]:
    """View the addresses that most Ids share: channel, address, endpoints."""
    return [
        (
            show_name(shared.channel),
            show_value("Address", shared.address, show_addresses=show_addresses),
            shared.endpoints,
        )
        for shared in data.profile.most_shared
    ]


def view_crowded(data: PageData, *, show_addresses: bool) -> list[tuple[Shown, int]]:
    """View the users with most endpoints."""
    return [
        (
            show_value("User.UserId", crowded.user_id, show_addresses=show_addresses),
            crowded.endpoints,
        )
        for crowded in data.profile.most_crowded
    ]


def _group(data: PageData, name: Callable[[AudienceCount], str]) -> list[GroupView]:
    counts: defaultdict[str, Counter[Outcome]] = defaultdict(Counter)
    for count in data.profile.audience:
        counts[name(count)][Outcome(count.outcome)] += count.endpoints
    there = {outcome for group in counts.values() for outcome in group}
    named = [
        (outcome, name_outcome(outcome, data.summary, data.manifest)[0])
        for outcome in Outcome
        if outcome in there
    ]
    groups = [
        GroupView(
            name=group,
            endpoints=fates.total(),
            valid=fates.total() - sum(fates[outcome] for outcome in TO_FIX),
            outcomes=[(told, colour_of(outcome, told), fates[outcome]) for outcome, told in named],
        )
        for group, fates in counts.items()
    ]
    return sorted(groups, key=lambda group: (-group.endpoints, group.name))[:MOST_GROUPS]
