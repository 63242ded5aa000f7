//! The cells of a package's model as text: how many cases reached each, and what is wrong.

use crate::{
    cells::Reached,
    suite::model::{Cell, Model},
};

use super::text::push_line;

/// The cells of a model, held against a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cells {
    /// The package.
    pub package: String,
    /// The cells in order.
    pub cells: Vec<CellCoverage>,
}

/// One cell, held against a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellCoverage {
    /// The cell.
    pub cell: Cell,
    /// Number of cases that reached it.
    pub cases: usize,
    /// Why no case can reach it, if the model says so.
    pub unreachable: Option<String>,
}

impl CellCoverage {
    /// What is wrong with it.
    #[must_use]
    pub fn defect(&self) -> Option<&'static str> {
        match (self.cases, &self.unreachable) {
            (0, None) => Some("neither reached nor listed as unreachable"),
            (0, Some(_)) | (_, None) => None,
            (_, Some(_)) => Some("listed as unreachable, and reached"),
        }
    }
}

impl Cells {
    /// Holds the cells of a model against those that cases reached.
    #[must_use]
    pub fn of(package: &str, model: &Model, reached: &Reached) -> Self {
        let cells = model.cells().into_iter().map(|cell| {
            let listed = model.unreachable.iter().find(|listed| listed.covers(&cell));
            CellCoverage {
                cases: reached.get(&cell).copied().unwrap_or_default(),
                unreachable: listed.map(|listed| listed.why.trim().to_owned()),
                cell,
            }
        });
        Self {
            package: package.to_owned(),
            cells: cells.collect(),
        }
    }

    /// Whether every cell is either reached or listed as unreachable.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.cells.iter().all(|cell| cell.defect().is_none())
    }

    /// The table as text: a line for each part of each input, with what is wrong and the counts at its end.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}: cases by cell\n", self.package);
        let mut state = None;
        for line in self
            .cells
            .chunk_by(|one, other| row(&one.cell) == row(&other.cell))
        {
            let Some(first) = line.first() else { continue };
            if state != Some((first.cell.side, &first.cell.state)) {
                state = Some((first.cell.side, &first.cell.state));
                push_line(
                    &mut text,
                    &format!("\n{}, {}", first.cell.side.name(), first.cell.state),
                );
            }
            push_line(&mut text, &shown(&first.cell, line, self.widths()));
        }
        self.unreachable(&mut text);
        self.defects(&mut text);
        let reached = self.cells.iter().filter(|cell| cell.cases > 0).count();
        let listed = self
            .cells
            .iter()
            .filter(|cell| cell.unreachable.is_some())
            .count();
        let wrong = self.cells.iter().filter(|cell| cell.defect().is_some()).count();
        let all = self.cells.len();
        let counts = format!("{all} cells, {reached} reached, {listed} listed as unreachable, {wrong} wrong");
        push_line(&mut text, &format!("\n{}: {counts}", self.package));
        text
    }

    /// Characters of the longest input, and of the longest part.
    fn widths(&self) -> (usize, usize) {
        let input = self.cells.iter().map(|cell| cell.cell.input.len()).max();
        let parts = self.cells.iter().filter_map(|cell| cell.cell.part.as_ref());
        let part = parts.map(|part| part.name.len()).max();
        (input.unwrap_or_default(), part.unwrap_or_default())
    }

    fn unreachable(&self, text: &mut String) {
        let mut listed: Vec<&str> = Vec::new();
        for why in self.cells.iter().filter_map(|cell| cell.unreachable.as_deref()) {
            if !listed.contains(&why) {
                listed.push(why);
            }
        }
        if !listed.is_empty() {
            push_line(text, "\nunreachable");
        }
        for why in listed {
            let of = |cell: &&CellCoverage| cell.unreachable.as_deref() == Some(why);
            let count = self.cells.iter().filter(of).count();
            push_line(text, &format!("  {count:3}  {why}"));
        }
    }

    fn defects(&self, text: &mut String) {
        let mut wrong = self
            .cells
            .iter()
            .filter_map(|cell| Some((cell, cell.defect()?)))
            .peekable();
        if wrong.peek().is_some() {
            push_line(text, "\nwrong");
        }
        for (cell, defect) in wrong {
            push_line(text, &format!("  {}: {defect}", name(&cell.cell)));
        }
    }
}

/// Cells of one line differ in the form of a part alone.
fn row(cell: &Cell) -> (&str, &str, Option<&str>) {
    (
        &cell.state,
        &cell.input,
        cell.part.as_ref().map(|part| part.name.as_str()),
    )
}

fn shown(first: &Cell, line: &[CellCoverage], (input, parts): (usize, usize)) -> String {
    let number = |cell: &CellCoverage| match cell.unreachable {
        Some(_) if cell.cases == 0 => format!("{:>4}", "-"),
        _ => format!("{:4}", cell.cases),
    };
    let form = |cell: &CellCoverage| {
        let form = cell.cell.part.as_ref().map_or("", |part| part.form.as_str());
        format!(" {form:>8} {}", number(cell))
    };
    let forms: Vec<String> = line.iter().map(form).collect();
    let part = first.part.as_ref().map_or("", |part| part.name.as_str());
    format!("  {:input$}  {part:parts$}{}", first.input, forms.concat())
}

fn name(cell: &Cell) -> String {
    let part = cell.part.as_ref();
    let part = part.map_or(String::new(), |part| format!(", {} {}", part.name, part.form));
    format!("{}, {}, {}{part}", cell.side.name(), cell.state, cell.input)
}
