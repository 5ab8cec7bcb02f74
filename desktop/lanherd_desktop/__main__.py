import sys

from lanherd_desktop.app import main

if __name__ == "__main__":
    sys.exit(main())
