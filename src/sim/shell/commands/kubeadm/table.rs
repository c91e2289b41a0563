//! Columns as Go's text/tabwriter lays them out for kubeadm: cells at least ten wide, three blanks between.
//! What stands in them is the subcommands'.

/// Lines of a table; cells of a row in the last column are not filled up.
pub fn lines(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let longest = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        (longest.unwrap_or_default() + 3).max(10)
    };
    let line = |row: &Vec<String>| {
        let cell = |(at, cell): (usize, &String)| {
            if at + 1 == columns { cell.clone() } else { format!("{cell:<width$}", width = width(at)) }
        };
        row.iter().enumerate().map(cell).collect::<String>()
    };
    rows.iter().map(line).collect()
}

/// What is said of a form of output that there is not.
pub fn no_printer(form: &str) -> String {
    format!(
        "could not construct output printer: unable to match a printer suitable for the output format {form:?}, allowed formats are: go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,template,templatefile,text,yaml"
    )
}

/// A row of words.
pub fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}
