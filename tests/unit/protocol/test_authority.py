import pytest

from lanherd_protocol.authority import authorise_call, authorise_feed
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.messages import ROLES
from lanherd_protocol.methods import FEEDS, METHODS, may


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("channel", ["tls", "unix"])
def test_every_method_is_given_to_who_may_have_it(role, channel):
    for name, method in METHODS.items():
        found = authorise_call(name, role, channel)
        if may(role, method.role) and method.channel in ("any", channel):
            assert found is method
        else:
            assert isinstance(found, Failure)
            assert found.code is ErrorCode.NOT_ALLOWED


@pytest.mark.parametrize("role", ROLES)
def test_every_feed_is_given_to_who_may_have_it(role):
    for name, feed in FEEDS.items():
        found = authorise_feed(name, role)
        assert (found is feed) == may(role, feed.role)


def test_what_does_not_exist_is_refused_by_name():
    for found in (authorise_call("no.such", "admin", "unix"), authorise_feed("no.such", "admin")):
        assert isinstance(found, Failure)
        assert found.code is ErrorCode.UNKNOWN_METHOD
        assert "'no.such'" in found.message
