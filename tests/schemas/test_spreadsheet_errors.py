from schemas.spreadsheet_errors import SPREADSHEET_ERRORS


def test_errors_of_english_and_other_spreadsheets():
    assert {
        "#N/A",
        "#DIV/0!",
        "#SPILL!",
        "#NV",
        "#BEZUG!",
        "#¡VALOR!",
        "#Н/Д",
    } <= SPREADSHEET_ERRORS


def test_all_start_with_the_byte_that_columns_are_searched_for():
    assert all(error.startswith("#") for error in SPREADSHEET_ERRORS)
