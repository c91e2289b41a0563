//! Turns pulldown-cmark's events into lines: paragraphs, headings, lists, quotes, code, rules.
//! Tables stand in `table`.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::glyph::{Glyph, glyphs, spans, width, wrap};
use super::table::Table;
use super::{Copy, Page, code};
use crate::tui::theme::Theme;

/// What stands before the lines of a list item or a quote.
struct Margin {
    first: Vec<Glyph>,
    rest: Vec<Glyph>,
    /// Whether `first` has been written.
    begun: bool,
}

/// Lays out one text.
pub struct Builder<'a> {
    theme: &'a Theme,
    columns: usize,
    page: Page,
    codes: Vec<String>,
    run: Vec<Glyph>,
    styles: Vec<Style>,
    margins: Vec<Margin>,
    /// The next number of each open list; `None` for bullets.
    lists: Vec<Option<u64>>,
    code: Option<String>,
    language: String,
    table: Option<Table>,
    link: Option<String>,
    /// A blank line is due before the next block.
    gap: bool,
}

impl<'a> Builder<'a> {
    pub fn new(columns: usize, theme: &'a Theme) -> Self {
        Self {
            theme,
            columns,
            page: Page::default(),
            codes: Vec::new(),
            run: Vec::new(),
            styles: vec![theme.text],
            margins: Vec::new(),
            lists: Vec::new(),
            code: None,
            language: String::new(),
            table: None,
            link: None,
            gap: false,
        }
    }

    pub fn build(mut self, text: &str) -> Page {
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
        for event in Parser::new_ext(text, options) {
            match event {
                Event::Start(tag) => self.start(tag),
                Event::End(tag) => self.end(tag),
                Event::Text(text) => self.text(&text),
                Event::Code(code) => self.inline_code(&code),
                Event::SoftBreak => self.push(" ", self.style(), None),
                Event::HardBreak => self.push("\n", self.style(), None),
                Event::Rule => self.rule(),
                Event::TaskListMarker(done) => self.push(if done { "[x] " } else { "[ ] " }, self.theme.dim, None),
                Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
                Event::FootnoteReference(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
            }
        }
        self.flush();
        self.page
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.flush();
                self.gap |= !self.page.lines.is_empty();
                self.styles.push(if level <= HeadingLevel::H3 { self.theme.heading } else { self.theme.strong });
            }
            Tag::BlockQuote(_) => {
                self.flush();
                let bar: Vec<Glyph> = glyphs("▎ ", self.theme.rule_focus, None).collect();
                self.margins.push(Margin { first: bar.clone(), rest: bar, begun: false });
            }
            Tag::List(start) => {
                self.flush();
                self.lists.push(start);
            }
            Tag::Item => self.item(),
            Tag::CodeBlock(kind) => {
                self.flush();
                self.language = match kind {
                    CodeBlockKind::Fenced(info) => info.split([' ', ',']).next().unwrap_or_default().to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some(String::new());
            }
            Tag::Table(_) => {
                self.flush();
                self.table = Some(Table::default());
            }
            Tag::TableHead => self.styles.push(self.theme.strong),
            Tag::Strong => self.styles.push(self.style().patch(self.theme.strong)),
            Tag::Emphasis => self.styles.push(self.style().patch(self.theme.emphasis)),
            Tag::Link { dest_url, .. } => {
                self.link = Some(dest_url.into_string());
                self.styles.push(self.style().patch(self.theme.link));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => {
                self.flush();
                self.gap = true;
            }
            TagEnd::Heading(_) => {
                self.flush();
                self.styles.pop();
            }
            TagEnd::BlockQuote(_) | TagEnd::Item => {
                self.flush();
                self.margins.pop();
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.gap |= self.lists.is_empty();
            }
            TagEnd::CodeBlock => self.code_block(),
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.run);
                if let Some(table) = &mut self.table {
                    table.cell(cell);
                }
            }
            TagEnd::TableHead | TagEnd::TableRow => {
                if matches!(tag, TagEnd::TableHead) {
                    self.styles.pop();
                }
                if let Some(table) = &mut self.table {
                    table.row();
                }
            }
            TagEnd::Table => self.end_table(),
            TagEnd::Strong | TagEnd::Emphasis => {
                self.styles.pop();
            }
            TagEnd::Link => self.end_link(),
            _ => {}
        }
    }

    fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or_default()
    }

    fn push(&mut self, text: &str, style: Style, copy: Option<usize>) {
        self.run.extend(glyphs(text, style, copy));
    }

    fn text(&mut self, text: &str) {
        match &mut self.code {
            Some(code) => code.push_str(text),
            None => self.push(text, self.style(), None),
        }
    }

    fn inline_code(&mut self, code: &str) {
        self.codes.push(code.to_owned());
        self.push(code, self.style().patch(self.theme.code), Some(self.codes.len() - 1));
    }

    /// A link's address follows its text unless it is its text.
    fn end_link(&mut self) {
        self.styles.pop();
        let Some(url) = self.link.take() else { return };
        let shown: String = self.run.iter().map(|glyph| glyph.character).collect();
        if !shown.ends_with(&url) {
            self.push(&format!(" ({url})"), self.theme.dim, None);
        }
    }

    fn item(&mut self) {
        self.flush();
        let indent = if self.lists.len() > 1 { "" } else { " " };
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{indent}{}. ", *number - 1)
            }
            _ => format!("{indent}• "),
        };
        let rest = " ".repeat(mark.chars().count());
        let first = glyphs(&mark, self.theme.accent, None).collect();
        let rest = glyphs(&rest, self.theme.text, None).collect();
        self.margins.push(Margin { first, rest, begun: false });
    }

    fn rule(&mut self) {
        self.flush();
        let columns = self.room();
        self.write(glyphs(&"─".repeat(columns), self.theme.rule, None).collect());
        self.gap = true;
    }

    fn code_block(&mut self) {
        let Some(code) = self.code.take() else { return };
        let source = code.trim_end_matches('\n').to_owned();
        self.gap |= !self.page.lines.is_empty();
        self.codes.push(source.clone());
        let copy = Some(self.codes.len() - 1);
        let columns = self.room().saturating_sub(2);
        for line in source.lines() {
            let shown = code::paint(&line.replace('\t', "    "), &self.language, self.theme, copy);
            for (part, shown) in chop(&shown, columns).into_iter().enumerate() {
                let bar = if part == 0 { "│ " } else { "│↪" };
                let mut row: Vec<Glyph> = glyphs(bar, self.theme.rule, None).collect();
                row.extend_from_slice(shown);
                self.write(row);
            }
        }
        self.gap = true;
    }

    fn end_table(&mut self) {
        let Some(table) = self.table.take() else { return };
        self.gap |= !self.page.lines.is_empty();
        for row in table.lay_out(self.room(), self.theme.rule) {
            self.write(row);
        }
        self.gap = true;
    }

    /// Columns left of the margins.
    fn room(&self) -> usize {
        let taken: usize = self.margins.iter().map(|margin| width(&margin.rest)).sum();
        self.columns.saturating_sub(taken).max(4)
    }

    /// Writes the paragraph gathered so far.
    fn flush(&mut self) {
        let run = std::mem::take(&mut self.run);
        if run.is_empty() {
            return;
        }
        for line in wrap(&run, self.room()) {
            self.write(line);
        }
    }

    fn write(&mut self, line: Vec<Glyph>) {
        if std::mem::take(&mut self.gap) && !self.page.lines.is_empty() {
            let begun = self.margins.iter().filter(|margin| margin.begun);
            let bars: Vec<Glyph> = begun.flat_map(|margin| margin.rest.iter().copied()).collect();
            self.page.lines.push(Line::from(spans(&bars)));
        }
        let mut row = Vec::new();
        for margin in &mut self.margins {
            row.extend_from_slice(if margin.begun { &margin.rest } else { &margin.first });
            margin.begun = true;
        }
        row.extend(line);
        self.tell_copies(&row);
        let shown: Vec<Span<'static>> = spans(&row);
        self.page.lines.push(Line::from(shown));
    }

    fn tell_copies(&mut self, row: &[Glyph]) {
        let mut column = 0;
        for run in row.chunk_by(|a, b| a.copy == b.copy) {
            let taken = width(run) as u16;
            if let Some(text) = run[0].copy.and_then(|copy| self.codes.get(copy)) {
                let line = self.page.lines.len();
                self.page.copies.push(Copy { line, column, width: taken, text: text.clone() });
            }
            column += taken;
        }
    }
}

/// Pieces of at most `columns`, at least one.
fn chop(line: &[Glyph], columns: usize) -> Vec<&[Glyph]> {
    let mut pieces = Vec::new();
    let (mut start, mut taken) = (0, 0);
    for (index, glyph) in line.iter().enumerate() {
        if taken + glyph.width() > columns {
            pieces.push(&line[start..index]);
            (start, taken) = (index, 0);
        }
        taken += glyph.width();
    }
    pieces.push(&line[start..]);
    pieces
}
