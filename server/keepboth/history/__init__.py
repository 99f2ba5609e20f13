"""Any moment of a document again: which part of the log a question is about (``cuts``), and the document there
(``folding``)."""
