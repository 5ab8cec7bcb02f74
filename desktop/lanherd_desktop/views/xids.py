"""What Xids mean, as the machines put it into their sentences."""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP

PHRASES: tuple[str, ...] = (
    QT_TRANSLATE_NOOP("phrases", "an error of its memory that ECC could not correct"),
    QT_TRANSLATE_NOOP("phrases", "its power cable is not connected"),
    QT_TRANSLATE_NOOP("phrases", "its internal controller reported a fault"),
    QT_TRANSLATE_NOOP("phrases", "its internal controller stopped"),
    QT_TRANSLATE_NOOP("phrases", "a part of its memory was taken out of use"),
    QT_TRANSLATE_NOOP("phrases", "a part of its memory could not be taken out of use"),
    QT_TRANSLATE_NOOP("phrases", "an error of its NVLink"),
    QT_TRANSLATE_NOOP("phrases", "it fell off the bus"),
    QT_TRANSLATE_NOOP("phrases", "very many errors of its memory"),
    QT_TRANSLATE_NOOP("phrases", "an error of its memory that was contained"),
    QT_TRANSLATE_NOOP("phrases", "an error of its memory that was not contained"),
    QT_TRANSLATE_NOOP("phrases", "a security fault"),
    QT_TRANSLATE_NOOP("phrases", "its GSP processor did not answer"),
    QT_TRANSLATE_NOOP("phrases", "its GSP processor failed"),
    QT_TRANSLATE_NOOP("phrases", "an error of its link to the CPU"),
    QT_TRANSLATE_NOOP("phrases", "an error of its memory that it did not recover from"),
    QT_TRANSLATE_NOOP("phrases", "it could not be initialised"),
    QT_TRANSLATE_NOOP("phrases", "the driver wants it to be reset"),
)
