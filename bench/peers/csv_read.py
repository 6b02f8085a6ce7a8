"""Reads a CSV file with pandas, as many people begin: csv_read.py FILE."""

import sys

import pandas as pd

print(len(pd.read_csv(sys.argv[1])))
