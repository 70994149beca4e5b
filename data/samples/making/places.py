"""Places: countries with real city names in their own script, and common names of people there.

Phone numbers are those that libphonenumber gives as examples of a mobile number, with other last
digits; North American ones are of the range 555-0100 to 555-0199, which is kept for fiction. Every
name is "native|ascii"; the ASCII form goes into e-mail addresses.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class City:
    """One city."""

    name: str
    region: str
    postal_code: str
    latitude: float
    longitude: float
    timezone: str


@dataclass(frozen=True)
class Place:
    """One country."""

    codes: tuple[str, str, str]
    """Alpha-2, alpha-3 and English name."""
    weight: int
    """How many people live here, relative to the other places."""
    locale: str
    calling_code: str
    mobile: tuple[str, ...]
    """National numbers without their last digits."""
    trunk: str
    """What is dialled before a national number."""
    cities: tuple[City, ...]
    given: tuple[str, ...]
    family: tuple[str, ...]
    family_first: bool = False


PLACES = (
    Place(
        ("US", "USA", "United States"),
        26,
        "en_US",
        "+1",
        ("20655501", "21255501", "31255501", "41555501", "51255501", "61755501"),
        "",
        (
            City("Seattle", "WA", "98101", 47.6062, -122.3321, "America/Los_Angeles"),
            City("New York", "NY", "10007", 40.7128, -74.006, "America/New_York"),
            City("Boston", "MA", "02110", 42.3601, -71.0589, "America/New_York"),
            City("Washington, D.C.", "DC", "20001", 38.9072, -77.0369, "America/New_York"),
            City("Austin", "TX", "78701", 30.2672, -97.7431, "America/Chicago"),
        ),
        ("Maria|maria", "James|james", "Ashley|ashley", "Robert|robert", "Zoë|zoe", "Luis|luis"),
        ("O'Neill|oneill", "Johnson|johnson", "García|garcia", "Nguyen|nguyen", "Smith|smith"),
    ),
    Place(
        ("DE", "DEU", "Germany"),
        12,
        "de_DE",
        "+49",
        ("1512345",),
        "0",
        (
            City("München", "Bayern", "80331", 48.1371, 11.5754, "Europe/Berlin"),
            City("Köln", "Nordrhein-Westfalen", "50667", 50.9375, 6.9603, "Europe/Berlin"),
            City("Frankfurt\n(Oder)", "Brandenburg", "15230", 52.3412, 14.5497, "Europe/Berlin"),
            City("Dresden", "Sachsen", "01067", 51.0504, 13.7373, "Europe/Berlin"),
        ),
        ("Jürgen|juergen", "Käthe|kaethe", "Sören|soeren", "Anna|anna", "Björn|bjoern"),
        ("Müller|mueller", "Groß|gross", "Schäfer|schaefer", "Weiß|weiss", "Vogel|vogel"),
    ),
    Place(
        ("FR", "FRA", "France"),
        8,
        "fr_FR",
        "+33",
        ("61234",),
        "0",
        (
            City("Besançon", "Doubs", "25000", 47.2378, 6.0241, "Europe/Paris"),
            City("Saint-Étienne", "Loire", "42000", 45.4397, 4.3872, "Europe/Paris"),
            City("Paris", "Île-de-France", "75001", 48.8566, 2.3522, "Europe/Paris"),
        ),
        ("Éloïse|eloise", "François|francois", "Léa|lea", "Benoît|benoit", "Chloé|chloe"),
        ("Lefèvre|lefevre", "Gauthier|gauthier", "Crête|crete", "Dubois|dubois"),
    ),
    Place(
        ("MX", "MEX", "Mexico"),
        8,
        "es_MX",
        "+52",
        ("222123",),
        "",
        (
            City("Puebla", "Puebla", "72000", 19.0414, -98.2063, "America/Mexico_City"),
            City("Mérida", "Yucatán", "97000", 20.9674, -89.5926, "America/Merida"),
            City("Ciudad de México", "CDMX", "06000", 19.4326, -99.1332, "America/Mexico_City"),
        ),
        ("José|jose", "Begoña|begona", "Íñigo|inigo", "Sofía|sofia", "Ramón|ramon"),
        ("Núñez|nunez", "Hernández|hernandez", "Muñoz|munoz", "Peña|pena"),
    ),
    Place(
        ("PL", "POL", "Poland"),
        6,
        "pl_PL",
        "+48",
        ("51234",),
        "",
        (
            City("Łódź", "łódzkie", "90-001", 51.7592, 19.456, "Europe/Warsaw"),
            City("Kraków", "małopolskie", "30-001", 50.0647, 19.945, "Europe/Warsaw"),
        ),
        ("Łukasz|lukasz", "Małgorzata|malgorzata", "Zbigniew|zbigniew", "Żaneta|zaneta"),
        ("Wójcik|wojcik", "Kowalski|kowalski", "Dąbrowska|dabrowska"),
    ),
    Place(
        ("UA", "UKR", "Ukraine"),
        6,
        "uk_UA",
        "+380",
        ("50123",),
        "0",
        (
            City("Київ", "Київ", "01001", 50.4501, 30.5234, "Europe/Kyiv"),
            City("Львів", "Львівська область", "79000", 49.8397, 24.0297, "Europe/Kyiv"),
        ),
        ("Олена|olena", "Тарас|taras", "Ірина|iryna", "Микола|mykola"),
        ("Шевченко|shevchenko", "Бойко|boiko", "Коваленко|kovalenko"),
    ),
    Place(
        ("GR", "GRC", "Greece"),
        5,
        "el_GR",
        "+30",
        ("691234",),
        "",
        (
            City("Αθήνα", "Αττική", "105 57", 37.9838, 23.7275, "Europe/Athens"),
            City("Θεσσαλονίκη", "Κεντρική Μακεδονία", "546 24", 40.6401, 22.9444, "Europe/Athens"),
        ),
        ("Ελένη|eleni", "Γιώργος|giorgos", "Κατερίνα|katerina", "Νίκος|nikos"),
        ("Παπαδόπουλος|papadopoulos", "Βλάχος|vlachos", "Δημητρίου|dimitriou"),
    ),
    Place(
        ("EG", "EGY", "Egypt"),
        5,
        "ar_EG",
        "+20",
        ("100123",),
        "0",
        (
            City("القاهرة", "القاهرة", "11511", 30.0444, 31.2357, "Africa/Cairo"),
            City("الإسكندرية", "الإسكندرية", "21500", 31.2001, 29.9187, "Africa/Cairo"),
        ),
        ("محمد|mohamed", "فاطمة|fatma", "أحمد|ahmed", "ليلى|layla"),
        ("حسن|hassan", "إبراهيم|ibrahim", "السيد|elsayed"),
    ),
    Place(
        ("IL", "ISR", "Israel"),
        5,
        "he_IL",
        "+972",
        ("50234",),
        "0",
        (
            City("תל אביב-יפו", "תל אביב", "6100000", 32.0853, 34.7818, "Asia/Jerusalem"),
            City("חיפה", "חיפה", "3100000", 32.794, 34.9896, "Asia/Jerusalem"),
        ),
        ("נועה|noa", "יוסף|yosef", "תמר|tamar", "דוד|david"),
        ("כהן|cohen", "לוי|levi", "מזרחי|mizrahi"),
    ),
    Place(
        ("IN", "IND", "India"),
        7,
        "hi_IN",
        "+91",
        ("812345",),
        "0",
        (
            City("नई दिल्ली", "दिल्ली", "110001", 28.6139, 77.209, "Asia/Kolkata"),
            City("मुंबई", "महाराष्ट्र", "400001", 19.076, 72.8777, "Asia/Kolkata"),
        ),
        ("प्रिया|priya", "अर्जुन|arjun", "सुनीता|sunita", "राहुल|rahul"),
        ("शर्मा|sharma", "पटेल|patel", "सिंह|singh"),
    ),
    Place(
        ("CN", "CHN", "China"),
        6,
        "zh_CN",
        "+86",
        ("1312345",),
        "",
        (
            City("上海", "上海市", "200000", 31.2304, 121.4737, "Asia/Shanghai"),
            City("成都", "四川省", "610000", 30.5728, 104.0668, "Asia/Shanghai"),
        ),
        ("伟|wei", "芳|fang", "娜|na", "秀英|xiuying"),
        ("王|wang", "李|li", "张|zhang"),
        family_first=True,
    ),
    Place(
        ("JP", "JPN", "Japan"),
        6,
        "ja_JP",
        "+81",
        ("901234",),
        "0",
        (
            City("東京", "東京都", "100-0001", 35.6762, 139.6503, "Asia/Tokyo"),
            City("大阪", "大阪府", "530-0001", 34.6937, 135.5023, "Asia/Tokyo"),
        ),
        ("さくら|sakura", "健太|kenta", "美咲|misaki", "翔|sho"),
        ("佐藤|sato", "鈴木|suzuki", "髙橋|takahashi"),
        family_first=True,
    ),
    Place(
        ("KR", "KOR", "South Korea"),
        5,
        "ko_KR",
        "+82",
        ("102000",),
        "0",
        (
            City("서울", "서울특별시", "04524", 37.5665, 126.978, "Asia/Seoul"),
            City("부산", "부산광역시", "48058", 35.1796, 129.0756, "Asia/Seoul"),
        ),
        ("민준|minjun", "서연|seoyeon", "지우|jiwoo", "하은|haeun"),
        ("김|kim", "이|lee", "박|park"),
        family_first=True,
    ),
    Place(
        ("TH", "THA", "Thailand"),
        5,
        "th_TH",
        "+66",
        ("81234",),
        "0",
        (
            City("กรุงเทพมหานคร", "กรุงเทพมหานคร", "10200", 13.7563, 100.5018, "Asia/Bangkok"),
            City("เชียงใหม่", "เชียงใหม่", "50000", 18.7883, 98.9853, "Asia/Bangkok"),
        ),
        ("สมชาย|somchai", "มาลี|malee", "อรทัย|orathai", "ประเสริฐ|prasert"),
        ("ใจดี|jaidee", "สุขสันต์|suksan", "วงศ์ทอง|wongthong"),
    ),
)
