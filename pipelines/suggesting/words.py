"""Words of headers, in seven languages, and what a column under them is likely to hold.

English, German, French, Spanish, Italian, Portuguese and Dutch. Headers are compared folded:
without case, accents, punctuation, and with `firstName` parted into its words.
"""

import re
import unicodedata
from enum import StrEnum
from typing import Final, NamedTuple


class Role(StrEnum):
    """What a column may be; the value is the word for people."""

    EMAIL = "e-mail address"
    MOBILE = "mobile number"
    PHONE = "phone number"
    USER_ID = "number of the person"
    COUNTRY = "country"
    CITY = "city"
    REGION = "region"
    POSTAL_CODE = "postal code"
    LATITUDE = "latitude"
    LONGITUDE = "longitude"
    TIMEZONE = "time zone"
    LOCALE = "locale"
    LANGUAGE = "language"
    FIRST_NAME = "first name"
    LAST_NAME = "last name"
    FULL_NAME = "name"
    SALUTATION = "salutation"
    GENDER = "gender"
    BIRTHDATE = "date of birth"
    COMPANY = "company"
    JOB_TITLE = "job title"
    TAGS = "tags"
    OPT_OUT = "opt-out"
    OPT_IN = "opt-in"
    SECRET = "secret"  # noqa: S105 (a word, not a password)
    INTERNAL = "internal value"
    NOTES = "notes"


class Meaning(NamedTuple):
    """What a header says."""

    role: Role
    is_exact: bool
    """The whole header is a known word, rather than holding one."""


_WORDS: Final[dict[Role, str]] = {
    Role.EMAIL: """
        email, e mail, email address, e mail address, mail, emailadresse, e mail
        adresse, mailadresse, adresse email, adresse e mail, adresse mail, courriel,
        correo, correo electronico, direccion de correo, indirizzo email, posta
        elettronica, endereco de email, correio eletronico, emailadres, e mailadres,
        primary email, mail adresse, adresse electronique, adresse courriel, direccion
        de correo electronico, direccion de email, direccion email, correo e, indirizzo
        e mail, indirizzo mail, indirizzo di posta elettronica, endereco de e mail,
        endereco email, endereco eletronico, e mail adres, mailadres
    """,
    Role.MOBILE: """
        mobile, mobile phone, mobile number, mobile phone number, cell, cell phone,
        cellphone, sms, sms number, handy, handynummer, mobil, mobilnummer,
        mobiltelefon, mobilfunk, portable, telephone portable, numero portable, movil,
        telefono movil, celular, cellulare, telemovel, mobiel, mobiele telefoon, mobiel
        nummer, gsm, whatsapp, mobiltelefonnummer, mobilfunknummer, mobilrufnummer,
        mobilnr, mobil nr, mobiltelefonnr, handynr, handy nr, handytelefon, telefon
        mobil, mobil telefon, natel, natelnummer, smartphone, tel mobil, telephone
        mobile, numero de portable, numero de mobile, numero mobile, numero de telephone
        portable, numero de telephone mobile, tel portable, tel mobile, numero movil,
        numero de movil, numero de telefono movil, telefono celular, numero celular,
        numero de celular, numero cellulare, numero di cellulare, telefono cellulare,
        telefonino, telefono mobile, numero di telefono mobile, numero de telemovel,
        numero do telemovel, telefone celular, telefone movel, numero do celular,
        mobielnummer, mobiel telefoonnummer, mobiele nummer, mobiele telefoonnummer,
        mobieltje, gsm nummer, telefoon mobiel
    """,
    Role.PHONE: """
        phone, phone number, telephone, telephone number, tel, telefon, telefonnummer,
        rufnummer, numero de telephone, telefono, numero de telefono, numero di
        telefono, telefone, numero de telefone, telefoon, telefoonnummer, fon,
        telefonnr, telefon nr, telefoonnr, rufnr, numero telephone, numero telefono,
        numero telefone, numero do telefone
    """,
    Role.USER_ID: """
        customer id, euid, leid, braze id, klaviyo id, customer number, customer no,
        contact id, contact key, record id, user id, userid, external id, person id,
        member id, member number, subscriber id, subscriber key, profile id, crm id,
        client id, id, uid, kundennummer, kunden nr, kundennr, kunden id,
        mitgliedsnummer, kontakt id, numero client, id client, identifiant, id cliente,
        numero de cliente, codice cliente, id utente, codigo do cliente, klantnummer,
        klant id
    """,
    Role.COUNTRY: """
        country, country region, country code, mailing country, billing country, land,
        laendercode, staat, pays, code pays, pais, paese, nazione, landcode
    """,
    Role.CITY: """
        city, town, mailing city, billing city, ort, stadt, wohnort, ville, ciudad,
        poblacion, citta, comune, cidade, plaats, woonplaats, stad, gemeente
    """,
    Role.REGION: """
        state, region, province, state region, state province, county, bundesland,
        kanton, departement, provincia, estado, comunidad autonoma, regione, regiao,
        provincie, mailing state province
    """,
    Role.POSTAL_CODE: """
        postal code, postcode, post code, zip, zip code, zipcode, zip postal code, plz,
        postleitzahl, code postal, codigo postal, cap, codice postale, cep, mailing zip
        postal code
    """,
    Role.LATITUDE: """
        latitude, lat, breitengrad, latitud, latitudine, breedtegraad
    """,
    Role.LONGITUDE: """
        longitude, lon, lng, long, laengengrad, langengrad, longitud, longitudine,
        lengtegraad
    """,
    Role.TIMEZONE: """
        timezone, time zone, zeitzone, fuseau horaire, zona horaria, fuso orario, fuso
        horario, tijdzone
    """,
    Role.LOCALE: """
        locale, language locale, gebietsschema
    """,
    Role.LANGUAGE: """
        language, preferred language, language code, lang, sprache, langue, idioma,
        lingua, taal
    """,
    Role.FIRST_NAME: """
        first name, firstname, fname, given name, forename, vorname, prenom, nombre,
        primer nombre, nome, nome proprio, voornaam
    """,
    Role.LAST_NAME: """
        last name, lastname, lname, surname, family name, nachname, familienname,
        zuname, nom de famille, apellido, apellidos, cognome, sobrenome, apelido,
        achternaam
    """,
    Role.FULL_NAME: """
        name, full name, contact name, customer name, nom, nom complet, nombre completo,
        nome completo, nome e cognome, naam, volledige naam
    """,
    Role.SALUTATION: """
        salutation, anrede, civilite, tratamiento, titolo, tratamento, aanhef, prefix
    """,
    Role.GENDER: """
        gender, sex, geschlecht, sexe, genre, sexo, genero, sesso, geslacht
    """,
    Role.BIRTHDATE: """
        birthdate, birthday, birth date, date of birth, dob, geburtsdatum, geburtstag,
        date de naissance, fecha de nacimiento, cumpleanos, data di nascita, data de
        nascimento, geboortedatum, verjaardag
    """,
    Role.COMPANY: """
        company, company name, organization, organisation, account name, employer,
        firma, unternehmen, societe, entreprise, empresa, azienda, bedrijf, bedrijfsnaam
    """,
    Role.JOB_TITLE: """
        job title, title, position, role, funktion, beruf, fonction, poste, cargo,
        puesto, ruolo, functie
    """,
    Role.TAGS: """
        tags, tag, labels, groups, interests, segments, schlagworte, gruppen,
        interessen, etiquettes, etiquetas, etichette, interesses
    """,
    Role.OPT_OUT: """
        opt out, optout, suppression, suppressions, complaint, complaints, robinson
        list, robinsonliste, lista robinson, unsubscribes, blocklisted, unsub, unsub
        time, unsubscription, désabonnement, opted out, unsubscribed, unsubscribe,
        unsubscribed at, unsubscribe date, do not contact, do not email, do not call, do
        not sms, do not disturb, no marketing, blacklisted, suppressed, abgemeldet,
        abmeldung, abgemeldet am, keine werbung, werbesperre, mailsperre, widerspruch,
        widersprochen, gesperrt, desabonne, desinscrit, ne pas contacter, opposition,
        baja, dado de baja, no contactar, disiscritto, cancellato, non contattare,
        descadastrado, nao contactar, cancelado, uitgeschreven, afgemeld, niet benaderen
    """,
    Role.OPT_IN: """
        opt in, optin, opted in, subscribed, subscription, subscription status, consent,
        marketing consent, accepts marketing, email marketing consent, sms marketing
        consent, newsletter, permission, gdpr consent, email status, einwilligung,
        zustimmung, angemeldet, werbeeinwilligung, abonne, inscrit, consentement,
        suscrito, consentimiento, acepta marketing, iscritto, consenso, inscrito,
        aangemeld, ingeschreven, toestemming, nieuwsbrief
    """,
    Role.SECRET: """
        password, passwort, kennwort, mot de passe, contrasena, senha, wachtwoord,
        password hash, secret, token, api key, access key, private key, ssn, social
        security number, iban, credit card, card number, cvv, pin, tax id, steuer id,
        steuernummer
    """,
    Role.INTERNAL: """
        ip, ip address, ip adresse, optin ip, confirm ip, guid, uuid, row id, owner id,
        created by, modified by, system modstamp
    """,
    Role.NOTES: """
        notes, note, internal notes, comment, comments, remark, remarks, memo, free
        text, bemerkung, bemerkungen, notiz, notizen, anmerkung, anmerkungen, kommentar,
        kommentare, freitext, commentaire, commentaires, remarque, remarques, notas,
        observaciones, comentario, comentarios, commenti, osservazioni, observacoes,
        notities, opmerking, opmerkingen
    """,
}
_WHOLE_ONLY: Final = """
    a a a a a a a a a a a a a a a a a b b c c c c c c d d e e e e e e e e e e e e e e e e e
    e e e e e e f f g g g g g g g g g g g i i i i i i i i i i i i i i k l l l l l l l l l l
    l l l l l m m m m m m m m m m n n n n n n n n n n n n n n n n n n n n n n n n o o o o o
    o o o o o o o o o o o o o o o o o p p p p p p p p p p p p r r r r r r r r r r r s s s s
    s s s s s s s s s s t t t t t t t t t t t t t t t t t t t t u u u w w x x y y y
"""
"""Words that are so short or so common that a longer header with them means something else."""
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_OTHER: Final = re.compile(r"[^a-z0-9]+")
EMAIL_WORDS: Final = frozenset(
    (
        *("email", "mail", "emails", "mails", "emailing", "newsletter", "newsletters", "mailing"),
        *("mailings", "nieuwsbrief", "courriel", "courriels", "correo", "correos"),
    )
)
PHONE_WORDS: Final = frozenset(
    (
        *("sms", "text", "texts", "mobile", "phone", "call", "calls", "telefon", "telephone"),
        *("whatsapp", "handy", "mobil", "anruf", "anrufe", "telefono", "telefone", "telefoon"),
        *("movil", "cellulare", "celular", "portable"),
    )
)
"""Words of a header about consent that say which endpoints it is about."""


def fold(text: str) -> str:
    """Write a header or a value as plain words.

    >>> fold("E-Mail-Adresse")
    'e mail adresse'
    >>> fold("firstName")
    'first name'
    """
    spread = _CAMEL.sub(" ", text.replace("ß", "ss"))
    plain = unicodedata.normalize("NFKD", spread).casefold()
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return _OTHER.sub(" ", plain).strip()


_PHRASES: Final[dict[str, Role]] = {
    fold(phrase): role for role, text in _WORDS.items() for phrase in text.split(",")
}
_COMPACT: Final = {phrase.replace(" ", ""): role for phrase, role in _PHRASES.items()}
_LONGEST: Final = max(len(phrase.split()) for phrase in _PHRASES)
_CONSENT: Final = (Role.OPT_OUT, Role.OPT_IN)
_COMMON: Final = frozenset(_WHOLE_ONLY.split())
_NEGATION_WORDS: Final = (
    "not no never none without nicht kein keine keinen ohne non pas sans sin nunca nao sem mai "
    "senza niet geen zonder"
)
_NEGATIONS: Final = frozenset(_NEGATION_WORDS.split())
_NEGATIVE: Final = tuple(
    phrase
    for phrase, role in _PHRASES.items()
    if role in _CONSENT and not _NEGATIONS.isdisjoint(phrase.split())
)


def find_meaning(header: str) -> Meaning | None:
    """Tell what a header says, or None where no known word is in it.

    A longer phrase says more than a shorter one, and one about consent more than any other: `Email
    Opt Out` is no e-mail address.

    >>> find_meaning("Kundennummer").role.name
    'USER_ID'
    >>> find_meaning("Home phone (private)")
    Meaning(role=<Role.PHONE: 'phone number'>, is_exact=False)
    """
    folded = fold(header)
    exact = _COMPACT.get(folded.replace(" ", ""))
    if exact is not None:
        return Meaning(exact, is_exact=True)
    words = folded.split()[:50]
    found = [
        _PHRASES[phrase]
        for size in range(min(_LONGEST, len(words)), 0, -1)
        for start in range(len(words) - size + 1)
        if (phrase := " ".join(words[start : start + size])) in _PHRASES and phrase not in _COMMON
    ]
    if not found:
        return None
    # "Telefon privat (mobil)" says more by its second word than by its first one.
    surer = [role for role in (*_CONSENT, Role.MOBILE) if role in found]
    if surer and (surer[0] is not Role.MOBILE or found[0] is Role.PHONE):
        return Meaning(surer[0], is_exact=False)
    return Meaning(found[0], is_exact=False)


def is_turned_round(header: str) -> bool:
    """Tell whether a header about consent may mean the contrary of the words that it is known by.

    >>> is_turned_round("Not subscribed"), is_turned_round("Do not contact (e-mail)")
    (True, False)
    """
    left = f" {fold(header)} "
    for phrase in _NEGATIVE:
        left = left.replace(f" {phrase} ", " ")
    return "=" in header or not _NEGATIONS.isdisjoint(left.split())
