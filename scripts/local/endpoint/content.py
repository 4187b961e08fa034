"""Words for work items: what a European car maker's tracker holds, and what breaks a careless reader.

Markup characters, quotes, commas, pipes, backslashes, newlines of both kinds, leading zeros, trailing
spaces, the words that loaders take for null, scripts from right to left and from outside the basic plane.
"""

from random import Random

SUMMARIES = [
    "Login fails for users with & in their name",
    "Export <draft> to PDF loses the <b>bold</b> text",
    "Zündung setzt aus bei Kälte (unter -20 °C)",
    "制动系统在低温下响应缓慢",
    "خطأ في حساب المسافة عند الرجوع",
    "תקלה בחיישן הטמפרטורה",
    "Battery gauge jumps from 10% to 0% 🔋🚗",
    "Crash when a path holds a \\ backslash or a \\N",
    'Operator said "it just stopped", no trace found',
    "Rename column a,b;c to a|b|c",
    "00042 is read as 42",
    "NULL",
    "null",
    "Trailing spaces are kept   ",
    "   and leading ones too",
    "ABS lamp: on/off/on (see #1234 & #1235)",
    "Überholassistent: „Spurwechsel“ nicht erkannt",
    "Naïve café résumé: cafe\u0301 against café",
    "1e5 parts rejected, 0x1F codes, +49 89 1234",
    "Watchdog resets ECU after 24 h ]]> in the log",
    "Tab\tseparated\tvalues\tbreak",
    "家族👨‍👩‍👧‍👦 icon is split in two",
    "{placeholder} ${variable} %s is shown as it is",
    "'; DROP TABLE work_items; --",
]

SENTENCES = [
    "The fault shows up once in some 200 starts.",
    "See the trace attached, frame 0x00FF & following.",
    'Customer writes: "I can\'t reproduce it any more".',
    "Expected: speed < 30 km/h && gear > 1.",
    "Erwartet wird ein Verhalten nach ISO 26262, Teil 6.",
    "再現手順は添付のとおりです。",
    "تم اختبار الحل على المركبة رقم ٧.",  # noqa: RUF001 -- this digit is meant
    "Steps:\n1. ignition on\n2. wait 10 s\n3. select R",
    "Copied from a Windows mail:\r\nDear team,\r\nplease check.",
    'Path C:\\temp\\new\\trace.csv, column "a","b".',
    "Tested on 🚗, 🚙 and 🚚.",
    "Measured 0,5 V instead of 0.5 V | limit 0.7 V.",
    "<p>Pasted <b>markup</b> &amp; entities</p>",
    "Non\u00a0breaking\u00a0spaces and a zero\u200bwidth one.",
    "Regression since build 20230115-0007.",
    "No idea why, but it works with the second key.",
]

COMMENTS = [
    "+1",
    "Done.",
    "Moved to the next iteration, no capacity.",
    "Fixed & verified on HW rev. <C>",
    'Can\'t reproduce; "works on my machine"',
    "请确认",
    "تمت المراجعة",
    "See above\n> quoted line\n> and another",
    "👍",
    "Line one\r\nline two",
    "a|b, c;d\\e",
    "000",
]

TAGS = [
    "safety",
    "regression",
    "cust omer",
    "R&D",
    "0042",
    "größe",
    "紧急",
    "ux/ui",
    "b2b",
    "legacy",
    "v1.10",
]

PEOPLE = [
    ("Ann Lee", "alee"),
    ("Seán O'Brien", "sobrien"),
    ("Jürgen Müller", "jmueller"),
    ("李雷", "lilei"),
    ("محمد علي", "mali"),
    ("de la Cruz, Juan", "jdelacruz"),
    ('Robert "Bob" Smith', "rsmith"),
    ("Zoë Håkansson", "zhakansson"),
    ("山田太郎", "tyamada"),
    ("Priya Raghavan", "praghavan"),
    ("Research & Development", "rnd"),
    ("Ewa Wójcik", "0017"),
]


def summary(random: Random) -> str | None:
    """One in fifty work items has none."""
    drawn = random.random()
    if drawn < 0.02:
        return None
    text = random.choice(SUMMARIES)
    return text if drawn < 0.3 else f"{text} ({random.randrange(100_000):05d})"


def description(random: Random) -> str | None:
    """None for one in ten, a few sentences for most, up to 10 kB for one in two hundred."""
    drawn = random.random()
    if drawn < 0.1:
        return None
    sentences = 150 if drawn > 0.995 else random.randint(1, 6)
    return random.choice([" ", "\n"]).join(random.choices(SENTENCES, k=sentences))


def tags(random: Random) -> list[str]:
    return random.sample(TAGS, k=random.choice([0, 0, 1, 2, 3]))
