"""The champion over REST, without a JVM."""
