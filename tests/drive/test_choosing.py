"""What a schedule says where there is a choice, by itself."""

from overheard.core.schedule import Schedule
from overheard.drive.choosing import Choosing, Possible
from overheard.drive.patience import BESIDE, Patience


def release(operation, call):
    return Possible("release", operation, call, "chat", 0)


def start(operation):
    return Possible("start", operation)


def begun(**fields):
    choosing = Choosing(Schedule(**fields))
    choosing.begin_round()
    return choosing


def picks(choosing, possible, times):
    return [choosing.pick(possible) for _ in range(times)]


def test_without_begins_a_round_goes_on_where_the_one_before_stopped():
    choosing = begun(choices=(1, 2, 3))
    four = [start(number) for number in range(4)]
    assert picks(choosing, four, 1) == [1]
    choosing.begin_round()
    assert picks(choosing, four, 3) == [2, 3, 0]


def test_with_begins_every_round_has_its_own_choices_and_0_when_they_are_spent():
    choosing = begun(choices=(1, 2, 3), begins=(0, 1, 1))
    four = [start(number) for number in range(4)]
    assert picks(choosing, four, 3) == [1, 0, 0], "the next round's choices are not its own"
    choosing.begin_round()
    assert picks(choosing, four, 2) == [0, 0]
    choosing.begin_round()
    assert picks(choosing, four, 3) == [2, 3, 0]
    choosing.begin_round()
    assert picks(choosing, four, 2) == [0, 0], "a round that nobody wrote anything for"


def pct(*priorities, changes=(), depth=1):
    return begun(strategy="pct", priorities=priorities, changes=changes, depth=depth)


def test_what_one_operation_asks_at_once_has_priorities_of_its_own():
    both = [release(0, 1), release(0, 2)]
    assert pct(1, 0).pick(both) == 0
    assert pct(0, 1).pick(both) == 1
    # Others' calls are in between, and the line is that of the operation, not the place in the list.
    assert pct(0, 1, 2, 9).pick([release(0, 1), release(2, 3), release(0, 2)]) == 1
    assert pct(0, 3, 2, 9).pick([release(0, 1), release(2, 3), release(0, 2)]) == 2


def test_what_comes_of_a_call_goes_on_in_its_line():
    choosing = pct(0, 1)
    assert choosing.pick([release(0, 1), release(0, 2)]) == 1
    # Call 3 follows from call 2, and is as urgent, though the list has call 1 as the only other.
    assert choosing.pick([release(0, 1), release(0, 3)]) == 1
    # Also where there had been nothing to choose in between.
    assert choosing.pick([release(0, 1)]) == 0
    assert choosing.pick([release(0, 4), release(0, 5)]) == 1


def test_of_what_one_operation_asks_at_once_the_one_that_falls_falls_alone():
    choosing = pct(0, 1, changes=(1,), depth=2)
    both = [release(0, 1), release(0, 2)]
    assert picks(choosing, both, 3) == [1, 0, 0]
    # In the next round nobody has fallen.
    choosing.begin_round()
    assert choosing.pick(both) == 1


def test_no_moment_is_waited_for_calls_of_a_target_that_makes_one_at_a_time():
    patience = Patience()
    patience.step(0.5)
    assert patience.together == 0


def test_the_moment_is_some_times_as_long_as_it_mostly_takes_and_bounded():
    least, most = BESIDE
    patience = Patience()
    patience.beside(0.0)
    assert patience.together == least
    for _ in range(20):
        patience.beside(0.004)
    assert least < patience.together < 0.02
    patience.beside(9.0)
    assert patience.together < 0.02, "one that was slow once"
    often = Patience()
    for gap in (0.001, 0.001, 0.001, 0.008):
        often.beside(gap)
    assert often.together > 0.02, "one in four is not once"
    for _ in range(20):
        patience.beside(9.0)
    assert patience.together == most
