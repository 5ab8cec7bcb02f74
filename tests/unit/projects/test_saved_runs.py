import tomllib

import click
import pytest

from lanherd_client.cli.start import run_command
from lanherd_client.orders import order
from lanherd_client.projects.saved_runs import RUN_KEYS, Problem, SavedRun, read_run

ALL = """
command = ["python", "train.py", "--lr", "1e-3"]
gpus = "1..2"
vram = "20GB"
exclusive = true
name = "first"
on = ["ada", "bob"]
no-environment = true
env = { SEED = 1, RATE = 0.5, NAME = "x" }
secrets = ["WANDB_API_KEY"]
where = "sm >= 80"
linked = true
cpus = 4
memory = "32GB"
disk = "100GB"
wait-for-others = true
chdir = "src"
nice = 5
pre = "nvidia-smi -L"
post = ["echo", "done"]
time-limit = "2h30m"
stop-signal = "INT"
grace = 30
retries = 2
retry-on = ["failed", "lost"]
retry-codes = [1, 75]
retry-signals = ["SEGV", 9]
backoff = "1m"
priority = 3
hold = true
tags = ["baseline", "night"]
note = "as in the paper"
pin = true
split-log = true
log-cap = "2GB"
"""


def read(text: str) -> SavedRun:
    run, problems = read_run(tomllib.loads(text))
    assert problems == []
    assert run is not None
    return run


def problems(text: str) -> list[Problem]:
    run, found = read_run(tomllib.loads(text))
    assert (run is None) == bool(found)
    return found


def test_all_that_a_run_may_have_is_read() -> None:
    run = read(ALL)
    assert run.command == ("python", "train.py", "--lr", "1e-3")
    assert (run.gpus, run.vram, run.exclusive) == ("1..2", "20GB", True)
    assert (run.name, run.machine, run.no_environment) == ("first", ("ada", "bob"), True)
    assert run.variables == {"SEED": "1", "RATE": "0.5", "NAME": "x"}
    assert run.secrets == ("WANDB_API_KEY",)
    made = order(
        run.command,
        gpus=run.gpus,
        vram=run.vram,
        exclusive=run.exclusive,
        name=run.name,
        variables=run.variables,
        **run.options,
    )
    assert made.spec.gpus.beside == "wait"
    assert made.spec.gpus.linked
    assert made.spec.directory == "src"
    assert made.spec.pre_command == ("nvidia-smi", "-L")
    assert made.spec.post_command == ("echo", "done")
    assert made.spec.time_limit_s == 9000
    assert (made.spec.stop.signal, made.spec.stop.grace_s) == ("INT", 30)
    assert made.spec.retry.exit_codes == (1, 75)
    assert made.spec.retry.signals == (11, 9)
    assert made.spec.host.cpu_cores == 4
    assert made.spec.log.split
    assert (made.settings.priority, made.settings.held, made.settings.pinned) == (3, True, True)
    assert made.settings.tags == ("baseline", "night")
    assert made.settings.notes == "as in the paper"


def test_underscores_are_as_good_as_dashes() -> None:
    run = read('command = "x"\ngpus = 1\ntime_limit = "2h"\nbeside_others = true\n')
    assert run.options == {"time_limit": "2h", "beside_others": "share"}


def test_what_is_left_out_is_as_usual() -> None:
    assert read("command = \"python -c 'a b'\"") == SavedRun(("python", "-c", "a b"))
    assert read('command = "x"\nbeside-others = false\n') == SavedRun(("x",))
    assert read('command = "x"\nmachine = "ada"\ntags = "one"\n') == SavedRun(
        ("x",), machine="ada", options={"tags": ("one",)}
    )


def test_every_key_is_an_option_of_the_command_line() -> None:
    options = {
        name.removeprefix("--")
        for parameter in run_command.params
        if isinstance(parameter, click.Option)
        for name in parameter.opts
        if name.startswith("--")
    }
    several = {"tags": "tag", "secrets": "secret"}
    assert {several.get(key, key) for key in RUN_KEYS} - {"command"} <= options


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("command = []", "a list of words"),
        ('command = ["x", 1]', "a list of words"),
        ('command = "it\'s"', "a list of words"),
        ("command = 1", "a list of words"),
        ("gpus = true", "from..to"),
        ("gpus = 1.5", "from..to"),
        ("vram = 20", "a size with its unit"),
        ("exclusive = 1", "true or false"),
        ('name = ""', "a text"),
        ("name = 7", "a text"),
        ("on = []", "one at least"),
        ("tags = [1]", "a list of texts"),
        ("tags = 1", "a list of texts"),
        ("env = { A = true }", "names and texts"),
        ("env = { A = [1] }", "names and texts"),
        ('env = "A=1"', "names and texts"),
        ("cpus = true", "a number"),
        ('cpus = "4"', "a number"),
        ("nice = 1.5", "a whole number"),
        ("time-limit = true", "a duration"),
        ('retry-codes = ["1"]', "exit codes"),
        ("retry-signals = [true]", "signals"),
    ],
)
def test_a_value_of_another_kind_is_told(line: str, words: str) -> None:
    key = line.partition(" =")[0]
    text = line if key == "command" else f'command = "x"\n{line}'
    (found,) = problems(text)
    assert found.key == key
    assert words in found.text
    assert found.remedy.startswith(f"Write it as in {key} = ")


@pytest.mark.parametrize(
    ("line", "key", "words"),
    [
        ('gpus = "4..1"', "gpus", "goes from the least to the most"),
        ('gpus = 1\nvram = "lots"', "vram", "is not a size"),
        ("linked = true", "linked", "no GPU is asked for"),
        ("gpus = 1\nlinked = true", "linked", "Only several GPUs"),
        ('gpus = 1\nwhere = "sm >"', "where", ""),
        ("nice = 1\nretries = 1\nretry-on = 'never'", "retry-on", "certain ends"),
        ("backoff = 10", "backoff", "how often"),
        ('time-limit = "soon"', "time-limit", "is not a duration"),
        ('time_limit = "soon"', "time_limit", "is not a duration"),
        ('stop-signal = "FIVE"', "stop-signal", "FIVE"),
        ('env = { LANHERD_X = "1" }', "env", "LANHERD_X"),
        ("cpus = -1", "cpus", "CPU cores"),
        ('log-cap = "x"', "log-cap", "is not a size"),
    ],
)
def test_what_no_run_can_have_is_told_by_its_key(line: str, key: str, words: str) -> None:
    (found,) = problems(f'command = "x"\n{line}')
    assert found.key == key
    assert words in found.text


def test_two_that_do_not_go_together() -> None:
    (found,) = problems('command = "x"\nmachine = "a"\non = ["b"]\n')
    assert (found.key, found.text) == ("on", "machine and on are both said.")
    (found,) = problems('command = "x"\nwait-for-others = true\nbeside-others = true\n')
    assert found.key == "beside-others"
    (found,) = problems('command = "x"\ntime-limit = 1\ntime_limit = 2\n')
    assert "said twice" in found.text
    (found,) = problems('command = "x"\ngpus = 1\nexclusive = true\nshared = true\n')
    assert found.key == "shared"


@pytest.mark.parametrize(
    ("key", "remedy"),
    [
        ("tag", "Write tags."),
        ("secret", "Write secrets."),
        ("niceness", "Write nice."),
        ("pre_command", "Write pre."),
        ("vran", "Write vram, or take it out."),
        ("after_ok", "Take it out, and say --after-ok to 'lanherd run'."),
    ],
)
def test_a_key_that_is_none_is_told_with_the_one_that_is_meant(key: str, remedy: str) -> None:
    (found,) = problems(f'command = "x"\n{key} = "y"\n')
    assert (found.key, found.remedy) == (key, remedy)


def test_a_key_that_is_like_no_other() -> None:
    (found,) = problems('command = "x"\nqqqq = 1\n')
    assert found.text == "A run has no qqqq."
    assert "write one of backoff, " in found.remedy
