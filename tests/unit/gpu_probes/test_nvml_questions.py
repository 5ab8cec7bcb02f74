"""How rarely the driver is asked: what it doesn't support, and what moves slowly."""

import pynvml
import pytest

from lanherd_agent.gpu import nvml, nvml_questions


class Driver:
    """Answers each form of a question as the test wants, and counts."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.asked = [0] * len(codes)

    def forms(self) -> tuple[nvml_questions.Question, ...]:
        return tuple(lambda _, place=place: self.answer(place) for place in range(len(self.codes)))

    def answer(self, place: int) -> str:
        self.asked[place] += 1
        if self.codes[place]:
            raise pynvml.NVMLError(self.codes[place])
        return f"form {place}"


def device(monkeypatch: pytest.MonkeyPatch, name: str, driver: Driver) -> nvml.Device:
    monkeypatch.setitem(nvml_questions.QUESTIONS, name, driver.forms())
    return nvml.Device("GPU-0", None)


def test_what_is_not_supported_is_asked_again_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver = Driver(pynvml.NVML_ERROR_NOT_SUPPORTED, pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
    gpu = device(monkeypatch, "fan", driver)
    assert [gpu.ask("fan", now) for now in (0.0, 1.0, nvml.REFUSED_S - 0.1)] == [None] * 3
    assert driver.asked == [1, 1]
    driver.codes[1] = 0
    assert gpu.ask("fan", nvml.REFUSED_S) == "form 1"


@pytest.mark.parametrize("code", [pynvml.NVML_ERROR_NO_DATA, pynvml.NVML_ERROR_NO_PERMISSION, 999])
def test_what_is_not_there_now_is_asked_each_time(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    driver = Driver(code, pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
    gpu = device(monkeypatch, "power", driver)
    assert [gpu.ask("power", now) for now in (0.0, 1.0)] == [None, None]
    assert driver.asked == [2, 2]


def test_the_newest_form_that_works_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(0, 0)
    assert device(monkeypatch, "compute", driver).ask("compute", 0.0) == "form 0"
    assert driver.asked == [1, 0]


@pytest.mark.parametrize("code", [pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_UNINITIALIZED])
def test_a_sick_device_fails_at_any_question(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    gpu = device(monkeypatch, "fan", Driver(code, 0))
    with pytest.raises(pynvml.NVMLError):
        gpu.ask("fan", 0.0)


def test_only_vram_is_vital(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pynvml.NVMLError):
        device(monkeypatch, "memory", Driver(999)).ask("memory", 0.0)
    refused = Driver(pynvml.NVML_ERROR_NOT_SUPPORTED)
    assert device(monkeypatch, "memory", refused).ask("memory", 0.0) is None
