"""What the scripts share, in rooms by the step of the data flow. Each imports from those before it alone:

arrow_of_time → base → tokens → sources → train → statistics → show → measure → quick → explore → report → publish
"""

__version__ = "0.2.0"
