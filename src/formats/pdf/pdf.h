/*
 * formats/pdf: reports on paper: paragraphs and pictures from the top of A4 to its end.
 *
 * PDF 1.4 with one font that every reader has (Helvetica, WinAnsi), pictures as the JPEGs they are,
 * objects in order with a table of their offsets (ISO 32000-1, 7.5). Letters that the encoding
 * lacks are question marks. Positions are points; y goes down by itself.
 */
#pragma once
#include "base/text.h"

enum { PDF_MARGIN = 50, PDF_WIDTH = 595 };

struct pdf;
// Writes to the end of `to`, which stays the caller's and must outlive it.
struct pdf *pdf_open(struct buf *to);
void pdf_close(struct pdf *p); // writes what is left

void pdf_paragraph(struct pdf *p, int x, int size, const char *text);
void pdf_space(struct pdf *p, int height);
void pdf_room(struct pdf *p, int height); // begins a page when less is left
// A line on a bar of a colour (0xRRGGBB), in white.
void pdf_bar(struct pdf *p, unsigned colour, const char *text);
// A JPEG (NULL or something else: nothing), `width` points wide, at the left margin.
void pdf_picture(struct pdf *p, const struct buf *jpeg, int width);
// The same, with what follows beside it until pdf_clear.
void pdf_picture_beside(struct pdf *p, const struct buf *jpeg, int width);
void pdf_clear(struct pdf *p);
