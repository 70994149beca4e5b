import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.suggesting.words import Role, find_meaning, fold


@pytest.mark.parametrize(
    ("header", "role", "is_exact"),
    [
        ("Email", Role.EMAIL, True),
        ("E-Mail-Adresse", Role.EMAIL, True),
        ("Correo electrónico", Role.EMAIL, True),
        ("Adresse e-mail", Role.EMAIL, True),
        ("primary_email", Role.EMAIL, True),
        ("Email Address (work)", Role.EMAIL, False),
        ("Handynummer", Role.MOBILE, True),
        ("mobilePhone", Role.MOBILE, True),
        ("Téléphone portable", Role.MOBILE, True),
        ("Mobiltelefonnummer", Role.MOBILE, True),
        ("Mobilfunknummer", Role.MOBILE, True),
        ("Numéro de téléphone portable", Role.MOBILE, True),
        ("Número de móvil", Role.MOBILE, True),
        ("Número de telemóvel", Role.MOBILE, True),
        ("Numero di cellulare", Role.MOBILE, True),
        ("Mobiel telefoonnummer", Role.MOBILE, True),
        ("Telefon privat (mobil)", Role.MOBILE, False),
        ("Indirizzo di posta elettronica", Role.EMAIL, True),
        ("Interne Bemerkung", Role.NOTES, False),
        ("Telefoonnummer", Role.PHONE, True),
        ("Kunden-Nr.", Role.USER_ID, True),
        ("Customer ID", Role.USER_ID, True),
        ("Land", Role.COUNTRY, True),
        ("Paese", Role.COUNTRY, True),
        ("Postcode", Role.POSTAL_CODE, True),
        ("Code postal", Role.POSTAL_CODE, True),
        ("Straße", None, False),
        ("Vorname", Role.FIRST_NAME, True),
        ("Apellidos", Role.LAST_NAME, True),
        ("Data de nascimento", Role.BIRTHDATE, True),
        ("Fuseau horaire", Role.TIMEZONE, True),
        ("Unsubscribed from all email", Role.OPT_OUT, False),
        ("Email Opt Out", Role.OPT_OUT, False),
        ("Mobile phone opted out", Role.OPT_OUT, False),
        ("Email Suppressions", Role.OPT_OUT, False),
        ("UNSUB_TIME", Role.OPT_OUT, True),
        ("Abgemeldet am", Role.OPT_OUT, True),
        ("Ne pas contacter", Role.OPT_OUT, True),
        ("Accepts Marketing", Role.OPT_IN, True),
        ("Einwilligung Newsletter", Role.OPT_IN, False),
        ("API key", Role.SECRET, True),
        ("Account Name", Role.COMPANY, True),
        ("Favorite Color", None, False),
        ("名前", None, False),
        ("", None, False),
    ],
)
def test_meaning_of_a_header(header, role, is_exact):
    meaning = find_meaning(header)
    assert (meaning and meaning.role, bool(meaning and meaning.is_exact)) == (role, is_exact)


@given(st.text())
def test_any_header_has_a_meaning_or_none(header):
    assert fold(fold(header)) == fold(header)
    meaning = find_meaning(header)
    assert meaning is None or isinstance(meaning.role, Role)
