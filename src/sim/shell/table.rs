//! Tables and amounts as the Go programs on a node print them.
//! Sources: github.com/olekukonko/tablewriter as etcd sets it up, k8s.io/cli-runtime's tabwriter, github.com/dustin/go-humanize.

/// A table in a frame of ASCII: headings in the middle, cells to the right.
pub fn framed(headings: &[&str], rows: &[Vec<String>]) -> String {
    let length = |text: &str| text.chars().count();
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(column, heading)| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| length(cell));
            cells.chain([length(heading)]).max().unwrap_or_default()
        })
        .collect();
    let line: String = widths.iter().map(|width| format!("+{}", "-".repeat(width + 2))).collect::<String>() + "+\n";
    let head: String = headings.iter().zip(&widths).map(|(heading, width)| format!("| {heading:^width$} ")).collect();
    let body = rows.iter().map(|row| {
        row.iter().zip(&widths).map(|(cell, width)| format!("| {cell:>width$} ")).collect::<String>() + "|\n"
    });
    format!("{line}{head}|\n{line}{}{line}", body.collect::<String>())
}

/// Columns with spaces between them, as crictl prints them: each as wide as its longest cell and `gap` more.
pub fn columns(rows: &[Vec<String>], gap: usize) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default() + gap
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect::<String>() + "\n"
    };
    rows.iter().map(line).collect()
}

/// An amount of bytes by thousands, as go-humanize says it: `37 kB`, `2.5 MB`.
pub fn bytes(amount: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = amount as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let name = units.get(unit).copied().unwrap_or_default();
    let rounded = (value * 10.0 + 0.5).floor() / 10.0;
    if unit == 0 || rounded >= 10.0 { format!("{rounded:.0} {name}") } else { format!("{rounded:.1} {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_etcds() {
        let row = ["30fc1321", "5", "1", "37 kB", "3.6.0"].map(str::to_owned).to_vec();
        let table = framed(&["HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE", "VERSION"], &[row]);
        let recorded = "\
+----------+----------+------------+------------+---------+
|   HASH   | REVISION | TOTAL KEYS | TOTAL SIZE | VERSION |
+----------+----------+------------+------------+---------+
| 30fc1321 |        5 |          1 |      37 kB |   3.6.0 |
+----------+----------+------------+------------+---------+
";
        assert_eq!(table, recorded);
    }

    #[test]
    fn amounts_are_go_humanizes() {
        let said: Vec<String> = [512, 36_864, 2_502_656, 24_576_000].into_iter().map(bytes).collect();
        assert_eq!(said, ["512 B", "37 kB", "2.5 MB", "25 MB"]);
    }
}
