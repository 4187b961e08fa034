"""What a source signs in with. Apart from the logins: whoever reads secrets and signs in nowhere knows no HTTP."""

Secret = dict[str, str]


class NamedSecret(Secret):
    """What a secret holds, and the name by which it is found: messages say where to mend it."""

    def __init__(self, values: Secret, name: str) -> None:
        super().__init__(values)
        self.name = name
