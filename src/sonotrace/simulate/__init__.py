"""Ultrasound pictures made by a program, with exact truth."""
