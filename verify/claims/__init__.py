"""The claims, by chapter. A claim's functions read stored numbers and judge; they compute nothing heavy."""
