# Files of the Python that runs, for experiments: `code`, its standard library, and `binary`, compiled modules.
library=$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
packages=$(python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
mapfile -t code < <(cd "$library" && find . -name '*.py' -not -path '*/site-packages/*' -not -path '*/test*/*' | sort)
code=("${code[@]/#./$library}")
mapfile -t binary < <(find "$library/lib-dynload" "$packages"/{numpy,scipy} -name '*.so' -size -1000k | sort)
