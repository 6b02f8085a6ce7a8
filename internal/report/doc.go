// Package report owns the look of the product's reports: one HTML page without
// scripts or outside references, light and dark as the reader prefers, readable
// on a phone and when printed, and plots as inline SVG that also say in words
// what they show.
//
// A caller describes a Page (facts, notices, tables, plots, cards); WriteTo
// renders it. The same page gives the same bytes. What is worth showing is the
// caller's: profile and evaluation.
package report
