"""The REST door: the operations, the envelope around every answer, and the front where calls are written down and break."""
