"""What every room uses: command lines, atomic writes, facts about the machine, imports that happen late."""
