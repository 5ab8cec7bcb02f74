import pytest

from lanherd_protocol.errors import (
    ErrorCode,
    Failure,
    LanherdError,
    MisuseError,
    error,
    error_class,
    from_failure,
)


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_a_class(code):
    problem = from_failure(Failure(code=code, title="It failed."))
    assert type(problem) is error_class(code)
    assert isinstance(problem, LanherdError)
    assert problem.code is code


def test_an_error_says_what_why_and_what_next():
    problem = error(ErrorCode.CONFLICT, "It is taken.", "By run 5.", "Choose another.", run=5)
    assert isinstance(problem, MisuseError)
    assert str(problem) == "It is taken. By run 5. Choose another."
    assert problem.failure.data == {"run": 5}


def test_a_code_is_a_text():
    assert ErrorCode("not from here") is ErrorCode.UNKNOWN
    with pytest.raises(ValueError, match="5"):
        ErrorCode(5)
