"""provisional"""
import numpy as np
def f0(w,sr=24000):
    import pyworld
    x=w.astype(np.float64); a,t=pyworld.harvest(x,sr,f0_floor=55,f0_ceil=700,frame_period=12.5); a=pyworld.stonemask(x,a,t,sr)
    n=2*(-(-len(w)*24000//sr//600)); return np.pad(a,(0,max(0,n-len(a))))[:n].astype(np.float32)
