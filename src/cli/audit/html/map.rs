//! The treemap of the HTML report: one box a layer, in it one box for each large file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::{
    html_text::HtmlText,
    map_anchors::MapAnchors,
    treemap::{Area, areas},
};
use crate::{
    audit::{Finding, ImageAudit, LayerFacts, SizedPath},
    cli::audit::phrases,
    report::Severity,
};

/// The map's width by its height, as the style sheet has it.
const ASPECT: f64 = 2.2;
/// Files below one in so many of the image's bytes have no box of their own: it would be a few pixels.
const SMALLEST: u64 = 500;

/// Where the boxes are, as rules of the style sheet: a `style` attribute would need a weaker policy.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    pub(super) css: String,
    count: usize,
}

impl Boxes {
    /// The number of a new box at `area`.
    fn at(&mut self, area: Area) -> usize {
        self.count += 1;
        let Area { left, top, width, height } = area;
        // Writing to a String cannot fail.
        let _ = writeln!(
            self.css,
            ".b{}{{left:{left:.3}%;top:{top:.3}%;width:{width:.3}%;height:{height:.3}%}}",
            self.count
        );
        self.count
    }
}

/// The map. It is a picture: the tables below it say the same to those who do not see it.
pub(super) fn map(page: &mut HtmlText, image: &ImageAudit, anchors: &MapAnchors<'_>, boxes: &mut Boxes) {
    let mut layers: Vec<_> = image.layers.iter().enumerate().filter(|(_, layer)| layer.unpacked_size > 0).collect();
    layers.sort_by_key(|(_, layer)| std::cmp::Reverse(layer.unpacked_size));
    let sizes: Vec<_> = layers.iter().map(|(_, layer)| layer.unpacked_size).collect();
    let marks = marks(&image.findings);
    page.html("<div class=\"map\" aria-hidden=\"true\">\n");
    for ((index, layer), area) in layers.into_iter().zip(areas(&sizes, ASPECT)) {
        let number = boxes.at(area);
        page.html("<div class=\"layer b").text(number).html("\" id=\"").text(anchors.layer(index).unwrap_or_default());
        page.html("\"><p>layer ").text(index).html(" <span>");
        page.text(phrases::size(layer.unpacked_size)).html("</span></p><div class=\"files\">");
        let drawn = DrawnLayer { image, index, layer, aspect: area.width * ASPECT / area.height.max(0.001) };
        files(page, &drawn, anchors, &marks, boxes);
        page.html("</div></div>\n");
    }
    page.html("</div>\n");
}

/// The files of a layer that have a box of their own, with their number among its largest.
pub(super) fn drawn_files<'l>(
    image: &ImageAudit,
    layer: &'l LayerFacts,
) -> impl Iterator<Item = (usize, &'l SizedPath)> {
    let smallest = smallest(image);
    layer.largest.iter().enumerate().filter(move |(_, file)| file.size > smallest)
}

/// Bytes that a file has to have more of than this.
fn smallest(image: &ImageAudit) -> u64 {
    phrases::sizes(image).1 / SMALLEST
}

/// A layer whose files are drawn.
struct DrawnLayer<'a> {
    image: &'a ImageAudit,
    index: usize,
    layer: &'a LayerFacts,
    /// Its box's width by its height.
    aspect: f64,
}

/// The files of a layer that are large enough, and the rest as one.
fn files(
    page: &mut HtmlText,
    at: &DrawnLayer<'_>,
    anchors: &MapAnchors<'_>,
    marks: &BTreeMap<(usize, &str), Severity>,
    boxes: &mut Boxes,
) {
    let DrawnLayer { image, index, layer, aspect } = *at;
    let large: Vec<_> = drawn_files(image, layer).map(|(_, file)| file).collect();
    let large_bytes: u64 = large.iter().fold(0, |sum, file| sum.saturating_add(file.size));
    let mut drawn: Vec<_> = large.iter().map(|file| (file.size, Some(file.path.as_str()))).collect();
    let rest = layer.unpacked_size.saturating_sub(large_bytes);
    if rest > smallest(image) {
        drawn.push((rest, None));
    }
    drawn.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    let sizes: Vec<_> = drawn.iter().map(|(size, _)| *size).collect();
    // A tar may have a path twice, and a page each name once.
    let mut named = BTreeSet::new();
    for ((size, path), area) in drawn.into_iter().zip(areas(&sizes, aspect)) {
        let number = boxes.at(area);
        page.html("<i class=\"b").text(number);
        match path {
            None => page.html(" rest\"><b>").text("all else"),
            Some(path) => {
                if let Some(severity) = marks.get(&(index, path)) {
                    page.html(" marked s-").text(severity.name());
                }
                let name = path.rsplit('/').next().unwrap_or(path);
                if let Some(anchor) = anchors.file(index, path).filter(|anchor| named.insert(anchor.clone())) {
                    page.html("\" id=\"").text(anchor);
                }
                page.html("\" title=\"").text(path).html(", ").text(phrases::size(size)).html("\"><b>").text(name)
            }
        };
        page.html("</b><span>").text(phrases::size(size)).html("</span></i>");
    }
}

/// The heaviest finding of each file of a layer.
pub(super) fn marks(findings: &[Finding]) -> BTreeMap<(usize, &str), Severity> {
    let mut marks = BTreeMap::new();
    for finding in findings {
        for place in std::iter::once(&finding.place).chain(&finding.also) {
            if let (Some(layer), Some(path)) = (&place.layer, place.entry_path()) {
                let mark = marks.entry((layer.index, path)).or_insert(finding.severity);
                *mark = finding.severity.max(*mark);
            }
        }
    }
    marks
}
