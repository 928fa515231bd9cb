"""Checks the packages of requirements.txt for known vulnerabilities; part of `make check`.

Exit status: 1 if a package has one. If the package index does not answer, or does not know some
packages, it says so and exits 0, because a check must not fail without a network.
"""

import json
import subprocess
import sys

_TIMEOUT = 60  # seconds, for all packages together
_COMMAND = [
    *(sys.executable, "-m", "pip_audit", "--requirement", "requirements.txt"),
    # The list is complete and pinned, so there is nothing to resolve or to install.
    *("--no-deps", "--disable-pip"),
    *("--timeout", "5", "--progress-spinner", "off", "--format", "json"),
]


def main() -> int:
    try:
        run = subprocess.run(
            _COMMAND, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
        packages = json.loads(run.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        print("audit: not done, the package index does not answer")
        return 0
    answered = [package for package in packages if "skip_reason" not in package]
    if not answered:
        print(f"audit: not done, the package index knows none of the {len(packages)} packages")
        return 0
    vulnerable = [package for package in answered if package["vulns"]]
    for package in vulnerable:
        ids = ", ".join(vulnerability["id"] for vulnerability in package["vulns"])
        print(f"{package['name']} {package['version']}: {ids}")
    print(
        f"audit: {len(packages)} packages, of which the package index knows {len(answered)},"
        f" {len(vulnerable)} vulnerable"
    )
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
