"""What the scripts share, in rooms by the step of the data flow. Each imports from those before it alone:

base → tokens → sources → train → statistics → show → measure → quick → report → publish
"""
