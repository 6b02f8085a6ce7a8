"""Reference values of internal/tuning: the first points of scipy's Sobol sequence, not scrambled.

    python bench/reference/sobol.py > internal/tuning/testdata/sobol.json

scipy 1.17.1 has the direction numbers of Joe and Kuo 2008.
"""

import json

from scipy.stats import qmc

print(json.dumps(qmc.Sobol(21, scramble=False).random(64).tolist()))
