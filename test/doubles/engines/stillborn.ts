/** An engine that cannot start. */
process.stderr.write('cannot load the library\n');
process.exit(3);
