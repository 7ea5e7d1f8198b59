<?xml version="1.0" encoding="UTF-8"?>
<ColorCorrection id="A001C003" xmlns="urn:ASC:CDL:v1.2">
  <SOPNode><Description>x</Description><Slope>1.1 1 0.9</Slope><Offset>0.01 0 -0.02</Offset><Power>1 1.2 0.8</Power></SOPNode>
  <SatNode><Saturation>0.85</Saturation></SatNode>
</ColorCorrection>
