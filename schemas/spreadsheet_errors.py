"""What a spreadsheet shows for a formula that failed, in the languages of Excel."""

from typing import Final

_BY_LANGUAGE = {
    "English": (
        "#N/A #REF! #VALUE! #DIV/0! #NAME? #NULL! "
        "#NUM! #SPILL! #CALC! #FIELD! #BLOCKED! #CONNECT! "
        "#BUSY! #UNKNOWN! #GETTING_DATA #PYTHON! #ERROR!"
    ),
    "German": ("#NV #BEZUG! #WERT! #ZAHL! #ÜBERLAUF! #KALK!"),
    "French": ("#VALEUR! #NOMBRE! #NOM? #NUL! #PROPAGATION!"),
    "Spanish": ("#N/D #¡REF! #¡VALOR! #¡NUM! #¿NOMBRE? #¡NULO! #¡DIV/0! #¡DESBORDAMIENTO!"),
    "Portuguese": ("#VALOR! #NÚM! #NOME? #NULO! #DESPEJAR!"),
    "Italian": ("#RIF! #VALORE! #NULLO! #ESPANSIONE!"),
    "Dutch": ("#N/B #VERW! #WAARDE! #GETAL! #NAAM? #LEEG! #DEEL/0!"),
    "Polish": ("#N/D! #ADR! #ARG! #LICZBA! #NAZWA? #ZERO! #DZIEL/0!"),
    "Swedish": ("#SAKNAS! #REFERENS! #VÄRDEFEL! #OGILTIGT! #NAMN? #SKÄRNING! #DIVISION/0!"),
    "Danish and Norwegian": ("#I/T #REFERENCE! #VÆRDI! #VERDI! #NAVN?"),
    "Finnish": ("#PUUTTUU! #VIITTAUS! #ARVO! #LUKU! #NIMI? #TYHJÄ! #JAKO/0!"),
    "Czech": ("#ODKAZ! #HODNOTA! #ČÍSLO! #NÁZEV?"),
    "Hungarian": ("#HIÁNYZIK #HIV! #ÉRTÉK! #SZÁM! #NÉV? #NULLA! #ZÉRÓOSZTÓ!"),
    "Turkish": ("#YOK #BAŞV! #DEĞER! #SAYI! #AD? #BOŞ! #SAYI/0!"),
    "Russian": ("#Н/Д #ССЫЛКА! #ЗНАЧ! #ЧИСЛО! #ИМЯ? #ПУСТО! #ДЕЛ/0!"),
}
"""As Excel's own help names them in each language; #ERROR! is Google's."""
SPREADSHEET_ERRORS: Final = frozenset(
    word for words in _BY_LANGUAGE.values() for word in words.split()
)
"""Values that are nothing but such an error."""
