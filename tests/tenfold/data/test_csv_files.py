"""CSV files as people have them: what is read, what is asked, and what is refused by line, column and value."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.data.csv_files import CSVFile, open_csv
from tenfold.data.errors import (
    AmbiguousCSV,
    BadQuotes,
    DataError,
    InvalidCell,
    InvalidCSV,
    MissingValues,
    RaggedLine,
    UnknownColumn,
    UnnamedColumn,
)


@pytest.fixture
def file(tmp_path):
    def write(content: str | bytes) -> Path:
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def numbers(path: Path, **how) -> list[list[float]]:
    table = open_csv(path, **how)
    return table.read(table.select()).numbers.tolist()


READ = {
    "integers": ("a,b\n1,2\n3,-4\n", {}),
    "floats": ("a,b\n1.0,2e0\n3,-.4E+1\n", {}),
    "quoted numbers": ('"a","b"\n"1","2"\n"3","-4"\n', {}),
    "semicolons": ("a;b\n1;2\n3;-4\n", {}),
    "tabs": ("a\tb\n1\t2\n3\t-4\n", {}),
    "bars": ("a|b\n1|2\n3|-4\n", {}),
    "spaces, said": ("a b\n1  2\n3 -4\n", {"separator": "space"}),
    "another separator, said": ("a!b\n1!2\n3!-4\n", {"separator": "!"}),
    "spaces after commas": ('a, b\n1, "2"\n3, -4\n', {}),
    "byte order mark": ("\ufeffa,b\n1,2\n3,-4\n", {}),
    "Windows lines": ("a,b\r\n1,2\r\n3,-4\r\n", {}),
    "old Mac lines": ("a,b\r1,2\r3,-4\r", {}),
    "no last newline": ("a,b\n1,2\n3,-4", {}),
    "blank lines at the end": ("a,b\n1,2\n3,-4\n\n\r\n", {}),
    "no header, said": ("1,2\n3,-4\n", {"header": False}),
    "years as a header, said": ("2019,2020\n1,2\n3,-4\n", {"header": True}),
    "one number in the header, said": ("name,2020\n1,2\n3,-4\n", {"header": True}),
    "an index of pandas, said": (",a,b\n0,1,2\n1,3,-4\n", {"index": True}),
    "an index written twice, said": ("Unnamed: 0,a,b\n0,1,2\n1,3,-4\n", {"index": True}),
    "a comma in a name": ('"a, of all",b\n1,2\n3,-4\n', {}),
    "a line break in a name's cell": ('a,"b"\n1,2\n3,-4\n', {}),
    "commas in a name among semicolons": ("a (in €, net);b\n1;2\n3;-4\n", {}),
}


@pytest.mark.parametrize("form", READ)
def test_forms_that_are_read(file, form):
    content, how = READ[form]
    assert numbers(file(content), **how) == [[1, 2], [3, -4]]


def test_large_and_tiny_numbers_are_those_of_python(file):
    cells = ["1e308", "1.7976931348623157e308", "5e-324", "12345678901234567890", "0.1", "-0"]
    found = numbers(file("\n".join([",".join("abcdef"), ",".join(cells)])))
    assert found == [[float(cell) for cell in cells]]


REFUSED = {
    "numbers that may be names": ("2019,2020\n1,2\n", {}, AmbiguousCSV, "line 1: 2019 | 2020: say --header if these"),
    "mixed first line": ("5.1,setosa\n4.9,virginica\n", {}, AmbiguousCSV, "line 1: 5.1 | setosa"),
    "index and numbers": (",0,1\n0,1,2\n", {}, AmbiguousCSV, "--no-header"),
    "two separators": ("a,x;b,y\n1,5;2,5\n", {}, AmbiguousCSV, "comma or semicolon; say which with --separator"),
    "decimal commas": ("a;b\n1,5;2\n", {}, InvalidCell, "line 2, column 'a': '1,5' is not a number"),
    "an index of pandas": (",a\n0,1\n", {}, UnnamedColumn, "column 1 has no name (''): an index that pandas wrote?"),
    "an index written twice": ("Unnamed: 0,a\n0,1\n", {}, UnnamedColumn, "Leave it out with --index"),
    "commas at the end of all lines": ("a,b,\n1,2,\n", {}, UnnamedColumn, "column 3 has no name (''): a separator at"),
    "commas at the end of rows": ("a,b\n1,2,\n", {}, RaggedLine, "line 2 has 3 cells, not 2 (a separator at the end?)"),
    "a short line": ("a,b\n1,2\n3\n", {}, RaggedLine, "line 3 has 1 cells, not 2"),
    "a long line": ("a,b\n1,2\n3,4,5\n", {}, RaggedLine, "line 3 has 3 cells, not 2"),
    "a blank line": ("a,b\n1,2\n\n3,4\n", {}, RaggedLine, "line 3 has 0 cells, not 2"),
    "an open quote": ('a,b\n"1,2\n3,4\n', {}, BadQuotes, "line 2: unexpected end of data"),
    "text after a quote": ('a,b\n"1"x,2\n', {}, BadQuotes, "line 2: ',' expected after '\"'"),
    "two names alike": ("a,a\n1,2\n", {}, UnnamedColumn, "two columns are called 'a'"),
    "a name that cannot be printed": ("a,b\0\n1,2\n", {}, UnnamedColumn, r"'b\x00' cannot be printed"),
    "text": ("a,b\n1,2\n3,x\n", {}, InvalidCell, "line 3, column 'b': 'x' is not a number"),
    "thousands": ('a\n"1,000"\n', {}, InvalidCell, "'1,000' is not a number"),
    "underscores": ("a\n1_000\n", {}, InvalidCell, "'1_000' is not a number"),
    "true": ("a\nTrue\n", {}, InvalidCell, "'True' is not a number"),
    "infinity": ("a,b\n1,-inf\n", {}, InvalidCell, "column 'b': '-inf' is not finite"),
    "overflow": ("a,b\n1,1e999\n", {}, InvalidCell, "column 'b': '1e999' is not finite"),
    "an empty cell": ("a,b\n1,2\n3,\n", {}, MissingValues, "line 3, column 'b': '' is a missing value"),
    "NA": ("a,b\n1,2\nNA,3\n", {}, MissingValues, "line 3, column 'a': 'NA' is a missing value"),
    "nan": ("a,b\n1,2\n3, NaN \n", {}, MissingValues, "line 3, column 'b': 'NaN ' is a missing value"),
    "nothing": ("", {}, InvalidCSV, "is empty"),
    "an empty first line": ("\na,b\n1,2\n", {}, InvalidCSV, "is empty, or its line 1 is"),
    "a header alone": ("a,b\n", {}, InvalidCSV, "has no rows"),
    "an index alone": ("a\n1\n", {"index": True}, InvalidCSV, "one column only"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), {}, InvalidCSV, "is not UTF-8 (invalid start byte, byte 0)"),
    "Latin-1": ("a,b\n1,2\n3,é\n".encode("latin-1"), {}, InvalidCSV, "is not UTF-8"),
    "no separator": ("a,b\n1,2\n", {"separator": ",,"}, InvalidCSV, "separator ',,': give one character"),
}


@pytest.mark.parametrize("form", REFUSED)
def test_forms_that_are_refused_by_name(file, form):
    content, how, error, says = REFUSED[form]
    with pytest.raises(error) as caught:
        numbers(file(content), **how)
    assert says in str(caught.value) and str(caught.value).count("table.csv") == 1
    assert "\n" not in str(caught.value) and isinstance(caught.value, DataError)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(InvalidCSV, match="No such file"):
        open_csv(tmp_path / "none.csv")
    with pytest.raises(InvalidCSV, match="Is a directory"):
        open_csv(tmp_path)


def test_a_file_says_how_it_was_understood(file):
    assert str(open_csv(file("a,b\n1,x y\n"))).endswith("2 column(s), named by line 1: a | b; first row: 1 | x y")
    described = str(open_csv(file("1,2\n3,4\n"), header=False))
    assert described.endswith("2 column(s), numbered, without a header: 1 | 2; first row: 1 | 2")
    wide = str(open_csv(file(",".join(f"c{number}" for number in range(40)) + "\n")))
    assert "c11 | … (40 in all)" in wide and "c12" not in wide


def test_names_that_are_asked_for_make_line_1_a_header(file):
    path = file("name,2020,good\n1,2,yes\n")
    assert open_csv(path, named=["good"]).header
    with pytest.raises(AmbiguousCSV):
        open_csv(path, named=["2020"])  # in a row, it would be a number
    with pytest.raises(AmbiguousCSV):
        open_csv(path, named=["bad"])


def test_rows_with_missing_values_are_dropped_where_that_is_asked_for(file):
    table = open_csv(file("a,b,c\n1,2,x\n?,4,x\n5,6,\n7,8,null\n9,,x\n"))
    rows = table.read(["a"], ["c"], missing="drop")
    assert rows.numbers.tolist() == [[1], [7], [9]]  # b is not read; null may be a text
    assert rows.texts == {"c": ["x", "null", "x"]}
    assert rows.lines.tolist() == [2, 5, 6] and rows.dropped == 2
    assert table.read(["a"], ["c"], values={"c": ["x"]}, missing="drop").lines.tolist() == [2, 6]
    with pytest.raises(InvalidCSV, match="no rows but 1 with missing values"):
        open_csv(file("a\nna\n")).read(["a"], missing="drop")


def test_a_dropped_row_still_has_to_be_a_row(file):
    with pytest.raises(RaggedLine, match="line 3"):
        open_csv(file("a,b\n?,1\n?\n")).read(["a"], missing="drop")
    with pytest.raises(InvalidCell, match="line 3"):
        open_csv(file("a,b\n?,1\n1,x\n")).read(["a", "b"], missing="drop")


def test_listed_values_are_the_only_ones(file):
    table = open_csv(file("a,y\n1,no\n2,yes\n3,None\n"))
    assert table.read(["a"], ["y"], values={"y": ("yes", "no", "None")}).texts["y"] == ["no", "yes", "None"]
    with pytest.raises(InvalidCell, match="line 3, column 'y': 'yes' is none of no"):
        table.read(["a"], ["y"], values={"y": ["no"]})
    with pytest.raises(MissingValues, match="line 4, column 'y': 'None'"):
        table.read(["a"], ["y"], values={"y": ["yes", "no"]})


def test_columns_are_selected_by_name_or_pattern_in_the_order_asked_for(file):
    table = open_csv(file("k_1,k_2,v,y\n1,2,3,4\n"))
    assert table.select() == ["k_1", "k_2", "v", "y"]
    assert table.select(["v", "k_*"]) == ["v", "k_1", "k_2"]
    assert table.select(drop=["k_*"], but=["y"]) == ["v"]
    assert table.read(table.select(["v", "k_1"])).numbers.tolist() == [[3, 1]]
    for wrong in ({"columns": ["w"]}, {"drop": ["w_*"]}, {"columns": ["y"], "but": ["y"]}, {"drop": ["*"]}):
        with pytest.raises(UnknownColumn):
            table.select(**wrong)
    with pytest.raises(UnknownColumn, match=r"no column 'w'; it has k_1 \| k_2 \| v \| y"):
        table.read(["w"])


def test_lines_are_those_of_the_file_where_cells_hold_line_breaks(file):
    table = open_csv(file('t,y\n"two\nlines",1\nx,2\n"also\ntwo",z\n'))
    assert table.read(texts=["t"]).lines.tolist() == [2, 4, 5]
    with pytest.raises(InvalidCell, match="line 5, column 'y'"):
        table.read(["y"])


def test_a_cell_may_hold_a_long_text(file):
    long = "word " * 100_000
    assert open_csv(file(f"t,y\n{long},1\n")).read(texts=["t"]).texts["t"] == [long]


@given(
    st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3), min_size=1),
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_the_standard_library_writes_comes_back(tmp_path_factory, rows, separator, quoting):
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    with path.open("w", newline="") as opened:
        csv.writer(opened, delimiter=separator, quoting=quoting).writerows([["a", "b", "c"], *rows])
    table = open_csv(path)
    assert isinstance(table, CSVFile) and table.separator == separator
    assert np.array_equal(table.read(["a", "b", "c"]).numbers, rows)
