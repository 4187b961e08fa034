"""The streams' own transforms: `<module>.<function>` in a catalogue, DataFrame in, DataFrame out."""
